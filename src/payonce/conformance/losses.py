"""Connections that are lost around COMMIT: before it, after it, and while nobody knows.

The driver runs the use case again where the outcome is unknown, and what was done is found. The flow is that of an
order from its placing to its fulfilment, and the loss comes at each COMMIT of it in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias, TypeVar

import psycopg

from payonce.base.errors import Unavailable
from payonce.conformance.check import Check, NotKept, require
from payonce.conformance.ground import Ground
from payonce.conformance.scenes import Receiving, assert_paid_once
from payonce.conformance.shop import MINUTE
from payonce.conformance.shops import OpenShop, open_shop
from payonce.drivers.pipeline import Pipeline, Reply
from payonce.drivers.transaction import COMMIT
from payonce.drivers.wrapped_lines import WrappedLine, WrappedLines
from payonce.store.database import Call
from payonce.usecases.answers import Checkout
from payonce.usecases.deliver_effects import deliver_effects
from payonce.usecases.effect_handlers import Handlers, one_by_one

R = TypeVar("R")
PART: Final = "losses"
# `killed`: the server ends the session before COMMIT reaches it. `unread`: COMMIT is sent, and nobody reads the answer.
# `answer_lost`: COMMIT was carried out, and its answer gets lost.
How: TypeAlias = Literal["killed", "unread", "answer_lost"]
# More than the flow has.
MOST_COMMITS: Final = 40


@dataclass(slots=True)
class Loss:
    """Strikes once, at the COMMIT with this number, counted from one."""

    how: How
    number: int
    ground: Ground
    passed: int = 0

    @property
    def has_struck(self) -> bool:
        """Whether there was such a COMMIT."""
        return self.passed >= self.number

    def strikes(self) -> bool:
        """Count one more COMMIT; whether it is the one."""
        self.passed += 1
        return self.passed == self.number


class LosingLine(WrappedLine):
    """A connection that is lost at one COMMIT."""

    def __init__(self, line: Pipeline, loss: Loss) -> None:
        super().__init__(line)
        self._loss = loss

    async def exchange(self, calls: Sequence[Call], *, patience_seconds: float | None = None) -> list[Reply]:
        """One round trip."""
        if calls[-1] is not COMMIT or not self._loss.strikes():
            return await self.line.exchange(calls, patience_seconds=patience_seconds)
        if self._loss.how == "killed":
            await self._kill()
        if self._loss.how == "unread":
            patience_seconds = 0.0
        await self.line.exchange(calls, patience_seconds=patience_seconds)
        self.line.cut()
        raise psycopg.OperationalError("the connection was lost, and with it the answer to COMMIT")

    async def _kill(self) -> None:
        """Let the server end the session; where nobody may do that, the connection breaks."""
        with suppress(psycopg.Error), self._loss.ground.sessions(1) as (beside,):
            if beside.rows("SELECT pg_terminate_backend(%s)", self.connection.info.backend_pid) == [(True,)]:
                return
        self.line.cut()
        raise psycopg.OperationalError("the connection broke before COMMIT was sent")


def lost(how: How) -> Callable[[Ground], str]:
    """Live through the flow once for each COMMIT in it, and lose the connection there."""

    def run(ground: Ground) -> str:
        with open_shop(ground) as shop:
            struck = 0
            for number in range(1, MOST_COMMITS, ground.every):
                loss = Loss(how, number, ground)
                _flow(shop, f"loss:{how}:{number}", loss)
                if not loss.has_struck:
                    break
                struck += 1
            else:
                raise NotKept(f"The flow has more than {MOST_COMMITS} COMMITs: it is run again and again.")
            shop.prove()
        return f"at {struck} COMMITs"

    return run


@contextmanager
def _losing(shop: OpenShop, loss: Loss) -> Iterator[None]:
    """The shop's world over connections one of which is lost."""
    world = shop.world
    with shop.ground.database(clock=shop.clock) as database:
        database._lines = WrappedLines(database._lines, lambda line: LosingLine(line, loss))
        shop.world = replace(world, database=database)
        try:
            yield
        finally:
            shop.world = world


def _flow(shop: OpenShop, purpose: str, loss: Loss) -> None:
    """Place, click, pay, hear of it, deliver; whoever gets no answer asks again, as payers and providers do."""
    receiver = Receiving()
    handlers = Handlers(one_by_one(_describe))
    for kind in shop.world.kinds:
        handlers.add(kind, receiver)
    with _losing(shop, loss):
        order = _insist(lambda: shop.place(purpose))
        checkout = _insist(lambda: shop.click(order))
        if not isinstance(checkout, Checkout):
            raise NotKept(f"A click after a lost connection leads to {type(checkout).__name__}.")
        shop.pay(checkout)
        hooks = shop.owed_webhooks()
        _insist(lambda: shop.deliver(hooks))
        _insist(lambda: shop.run(deliver_effects(shop.world, shop.merchant_id, handlers)))
    shop.pass_time(2 * MINUTE)
    shop.run(deliver_effects(shop.world, shop.merchant_id, handlers))
    assert_paid_once(shop, order)
    wanted = sorted(kind.name for kind in shop.world.kinds)
    require(sorted(receiver.taken) == wanted, f"Of {wanted} were delivered {sorted(receiver.taken)}.")
    require(len(shop.see(order).attempts) == 1, "A lost connection made a second attempt.")


def _insist(act: Callable[[], R]) -> R:
    """Ask, and once more where the answer is: later."""
    try:
        return act()
    except Unavailable:
        return act()


async def _describe(merchant_id: str, order_id: object) -> dict[str, Any]:
    return {"id": str(order_id), "merchant": merchant_id}


CHECKS: Final[tuple[Check[Ground], ...]] = (
    Check("killed_before_commit", PART, "of a session that ends before COMMIT nothing is left", lost("killed")),
    Check("commit_unread", PART, "a COMMIT whose answer nobody read is resolved", lost("unread")),
    Check("commit_answer_lost", PART, "what was committed is found, and not done again", lost("answer_lost")),
)
