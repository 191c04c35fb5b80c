"""The workers: every job of ours on its lane, in two hosts at once, so that runs overlap.

A lane runs its job, and rests the longer the longer there was nothing to do; whatever is committed by others wakes it.
A lane that dies is started again after a moment, as a supervisor would. What a job is handed cannot create a payment;
only the lane that sends refunds is handed the means to send money back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from payonce.simulation.hosts import Host
from payonce.simulation.scene import Scene
from payonce.simulation.scheduler import MICRO, Actor, Wait, give_way
from payonce.simulation.side_by_side import Families, SideBySide
from payonce.usecases.backfill import backfill
from payonce.usecases.close_orders import close_orders
from payonce.usecases.deliver_effects import deliver_effects
from payonce.usecases.effect_handlers import Handlers
from payonce.usecases.make_payouts import make_payouts
from payonce.usecases.monitor import monitor
from payonce.usecases.recover_payments import recover_payments
from payonce.usecases.resolve_attempts import resolve_attempts
from payonce.usecases.retry_events import retry_events
from payonce.usecases.send_refunds import send_refunds
from payonce.usecases.world import World

LONGEST_REST_SECONDS: Final = 6 * 3600.0
# The second host looks so seldom once nothing happens: what one of them finds is found.
LONGEST_REST_OF_SECOND_SECONDS: Final = 48 * 3600.0
# Rests grow by the pace of the merchant's providers, and by no more than this.
LONGEST_PACE: Final = 2.5
# A lane that found nothing to do rests so many times longer; one look costs a transaction, and most find nothing.
SLOWER: Final = 4.0
RESTART_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Hand:
    """What a job is handed besides its world."""

    handlers: Handlers
    together: SideBySide


@dataclass(frozen=True, slots=True)
class Duty:
    """One job: how soon it follows what others did, and the job itself, which says how much there was to do."""

    name: str
    soon_seconds: float
    run: Callable[[World, str, Hand], Awaitable[int]]
    sends_back: bool = False


async def _deliver(world: World, merchant_id: str, hand: Hand) -> int:
    return len(await deliver_effects(world, merchant_id, hand.handlers, 64, together=hand.together))


async def _retry(world: World, merchant_id: str, hand: Hand) -> int:
    return (await retry_events(world, merchant_id, 100)).tried


async def _resolve(world: World, merchant_id: str, hand: Hand) -> int:
    resolved = await resolve_attempts(world, merchant_id, 100)
    return resolved.settled + resolved.closed


async def _backfill(world: World, merchant_id: str, hand: Hand) -> int:
    did = await backfill(world, merchant_id)
    return did.new + did.closed


async def _recover(world: World, merchant_id: str, hand: Hand) -> int:
    did = await recover_payments(world, merchant_id)
    return did.lists.new + did.lists.closed


async def _close(world: World, merchant_id: str, hand: Hand) -> int:
    return (await close_orders(world, merchant_id, 100)).closed


async def _send_back(world: World, merchant_id: str, hand: Hand) -> int:
    return (await send_refunds(world, merchant_id, 50)).taken


async def _pay_out(world: World, merchant_id: str, hand: Hand) -> int:
    did = await make_payouts(world, merchant_id)
    return did.freed + did.held + did.made


async def _look(world: World, merchant_id: str, hand: Hand) -> int:
    return (await monitor(world, merchant_id)).changed


DUTIES: Final = (
    Duty("effects", 3.0, _deliver),
    Duty("events", 10.0, _retry),
    Duty("attempts", 30.0, _resolve),
    Duty("closing", 120.0, _close),
    # Whatever is committed calls for a look, and a look is half a dozen calls: seldom enough to be quick.
    Duty("backfill", 300.0, _backfill),
    Duty("recovery", 900.0, _recover),
    Duty("refunds", 15.0, _send_back, sends_back=True),
)
# Only where orders have payees.
PAYOUTS: Final = Duty("payouts", 240.0, _pay_out)
MONITOR: Final = Duty("monitor", 600.0, _look)
# The second host looks this much less often, and only in busy times at once: enough that runs overlap.
SECOND_HOST: Final = 3.0
BUSY_SECONDS: Final = 300.0
# What was left without an outcome is taken up again after a minute.
TAKEN_UP_SECONDS: Final = 62.0


class Workers:
    """The lanes of all worker hosts."""

    def __init__(self, scene: Scene, hosts: list[Host], handlers: Handlers) -> None:
        self.lanes: dict[Actor, Duty] = {}
        self.at_work: dict[str, str] = {}
        # When each lane looked last, in microseconds.
        self._looked: dict[Actor, int] = {}
        self._scene = scene
        self.families = Families(scene.scheduler)
        self._hand = Hand(handlers, SideBySide(self.families))
        self._hosts = hosts

    def start(self) -> None:
        """Start every lane on every host."""
        for host in self._hosts:
            slow = 1.0 if host is self._hosts[0] else SECOND_HOST
            for duty in self._duties():
                asks = self._scene.providers.pace if duty.name == "attempts" else 1.0
                paced = replace(duty, soon_seconds=duty.soon_seconds * slow * asks)
                self._start(host, paced, 1, paced.soon_seconds)

    def _duties(self) -> list[Duty]:
        """Those that every installation has, and those for which this seed has something to do."""
        scene = self._scene
        return [*DUTIES, *([PAYOUTS] if scene.goods.payees else []), *([MONITOR] if scene.is_monitored else [])]

    def wake(self) -> None:
        """Somebody committed something."""
        is_busy = self._scene.seconds < BUSY_SECONDS
        for lane, duty in self.lanes.items():
            if is_busy or lane.host == self._hosts[0].name:
                self._scene.scheduler.hasten(lane, duty.soon_seconds)

    def wake_now(self) -> None:
        """Let every lane of the first host look once its interval is over: the end of a run does not wait for rests."""
        now = self._scene.scheduler.now
        for lane, duty in self.lanes.items():
            if lane.host == self._hosts[0].name:
                since = (now - self._looked.get(lane, 0)) / MICRO
                self._scene.scheduler.hasten(lane, max(0.0, duty.soon_seconds - since))

    def send_another(self, standing: Actor) -> None:
        """Let the others who send money back come once what `standing` holds may be taken up again."""
        for lane, duty in self.lanes.items():
            if duty.sends_back and lane is not standing:
                self._scene.scheduler.hasten(lane, TAKEN_UP_SECONDS)

    def revive(self, dead: Actor) -> None:
        """Start a lane again whose host or process died."""
        self.families.died(dead)
        duty = self.lanes.pop(dead, None)
        if duty is None:
            return
        self.at_work.pop(dead.key, None)
        host = self._scene.hosts[dead.host]
        number = int(dead.key.rpartition("#")[2]) + 1
        self._start(host, duty, number, RESTART_SECONDS)

    def _start(self, host: Host, duty: Duty, number: int, after: float) -> None:
        key = f"{host.name}/{duty.name}#{number}"
        whole = host.hand(self._scene.draw, key, self._scene.made, key)
        world = whole.for_refunds() if duty.sends_back else whole.for_jobs()
        lane = self._scene.scheduler.spawn(
            key, f"{host.name}/{duty.name}", host.name, self._drive(key, duty, world), after=after, ends=False
        )
        self.lanes[lane] = duty

    async def _drive(self, key: str, duty: Duty, world: World) -> None:
        rest, is_first = duty.soon_seconds, key.startswith(self._hosts[0].name)
        longest = LONGEST_REST_SECONDS if is_first else LONGEST_REST_OF_SECOND_SECONDS
        longest *= min(self._scene.providers.pace, LONGEST_PACE)
        while True:
            if duty.name in self.at_work.values():
                self._scene.faults.saw("J1")
            self.at_work[key] = duty.name
            self._looked[self._scene.scheduler.acting()] = self._scene.scheduler.now
            touched = await self._step(key, duty, world)
            self.at_work.pop(key, None)
            rest = duty.soon_seconds if touched else min(rest * SLOWER, longest)
            await give_way(Wait(rest))

    async def _step(self, key: str, duty: Duty, world: World) -> int:
        try:
            touched = await duty.run(world, self._scene.merchant_id, self._hand)
        except Exception as error:
            # The edge of a job, as the real worker has it: the next step begins from the rows.
            self._scene.report(error, key)
            return 1
        if touched:
            self._scene.scheduler.note("worked", key, touched)
        return touched


def reviving(workers: Workers) -> Callable[[Actor], None]:
    """What to do when an actor dies."""
    return partial(_revive, workers)


def _revive(workers: Workers, actor: Any) -> None:
    workers.revive(actor)
