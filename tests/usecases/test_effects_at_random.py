"""Whatever workers, receivers, people and clocks do in whatever order, the invariants of effects hold."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from itertools import count
from uuid import uuid4

import pytest

from payonce.base.errors import Conflict
from payonce.domain.effect import EffectKind
from payonce.domain.invariants import INVARIANTS
from payonce.drivers.stepping import run_to_end
from payonce.usecases.effect_handlers import Accepted, EffectCall, NotAccepted, NotDone, Outcome, OutcomeUnknown
from payonce.usecases.prove import Counterexample, prove
from payonce.usecases.skip_effect import skip_effect
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.effects import AskedReceiver, Desk, Died, free_order, paid_for
from tests.support.house import House

ASKS = EffectKind("asks", "order.paid", on_unknown="ask", tries=4)
RESENDS = EffectKind("resends", "order.paid", on_unknown="resend", tries=4)
VERIFIES = EffectKind("verifies", "order.paid", on_unknown="verify", tries=4)
TELLS = EffectKind("tells", "order.paid", "notification", "ask", tries=4)
KINDS = (ASKS, RESENDS, VERIFIES, TELLS)
ABOUT_EFFECTS = [invariant for invariant in INVARIANTS if invariant.id in ("S8", "S10", "S11", "S20")]


class Chaos:
    """A receiver with a truth of its own: what it did for each key, and how it says so."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.draw = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.in_other = False
        self.calm = False

    def desk(self) -> Desk:
        """A worker whose calls end here."""
        return Desk(self.house, {kind: _Chaotic(self, kind) for kind in KINDS})

    def answer(self, kind: EffectKind, effect: EffectCall) -> Outcome:
        """Do the work or not, then tell the truth, say nothing, or be heard too late."""
        if self.calm or self.draw.random() < 0.3:
            return self._work(kind, effect)
        fate = self.draw.choice(["refuse", "refuse", "final", "not done", "silent", "silent", "die", "die", "stall"])
        if fate in ("refuse", "final"):
            return NotAccepted("503", is_final=fate == "final" and self.draw.random() < 0.3)
        if fate == "not done":
            raise NotDone("not now")
        worked = self.draw.random() < 0.7
        if worked:
            self._work(kind, effect)
        if fate == "die":
            raise Died
        if fate == "stall":
            self.house.clock.move(61)
            if not self.in_other:
                self.in_other = True
                with suppress(Died):
                    self.desk().deliver()
                self.in_other = False
            return Accepted("late") if worked else NotAccepted("late")
        if self.draw.random() < 0.5:
            raise OSError("reset")
        return OutcomeUnknown("silence")

    def _work(self, kind: EffectKind, effect: EffectCall) -> Accepted:
        if kind.on_unknown != "resend" or not self.done[effect.key]:
            self.done[effect.key] += 1
        return Accepted("done")


class _Chaotic(AskedReceiver):
    def __init__(self, chaos: Chaos, kind: EffectKind) -> None:
        super().__init__()
        self._chaos = chaos
        self._kind = kind

    async def deliver(self, effect: EffectCall, /) -> Outcome:
        return self._chaos.answer(self._kind, effect)

    async def verify(self, effect: EffectCall, /) -> bool:
        if not self._chaos.calm and self._chaos.draw.random() < 0.2:
            raise Died
        return self._chaos.done[effect.key] > 0


def counterexamples(house: House) -> list[Counterexample]:
    async def ask() -> list[Counterexample]:
        proofs = [proof async for proof in prove(house.world, kinds=[], invariants=ABOUT_EFFECTS)]
        return [found for proof in proofs for found in proof.counterexamples]

    return run_to_end(ask())


@pytest.mark.parametrize("seed", range(12))
def test_the_invariants_of_effects_hold_whatever_happens(house: House, seed: int) -> None:
    """E4: what was done is remembered, and what nobody knows is watched, in every order of events."""
    chaos = Chaos(house, seed)
    desk, draw, numbers = chaos.desk(), chaos.draw, count()
    people = _People(desk, draw)

    def order() -> None:
        free_order(house, next(numbers))

    def money_goes_back() -> None:
        order_id = paid_for(house, f"paid:{uuid4().hex}")
        house.rows(
            "INSERT INTO returns (merchant_id, provider, account, kind, ref, nature, capture_kind, capture_ref,"
            " attempt_id, order_id, status, amount_minor, returned_minor, currency, first_seen_at)"
            " SELECT merchant_id, provider, account, 'refund', %s, 'refund', kind, ref, attempt_id, order_id,"
            " 'succeeded', captured_minor, captured_minor, currency, %s FROM captures WHERE order_id = %s"
            " RETURNING ref",
            uuid4().hex, house.clock.now(), order_id,
        )  # fmt: skip

    def deliver() -> None:
        with suppress(Died):
            chaos.desk().deliver(limit=draw.randint(1, 8))

    acts = [deliver, deliver, deliver, deliver, order, order, money_goes_back, people.retry, people.skip]
    for _ in range(60):
        draw.choice(acts)()
        house.clock.move(draw.choice([0, 0, 1, 7, 61, 61, 600]))
    assert counterexamples(house) == []

    chaos.calm = True
    for _ in range(12):
        house.clock.move(6 * 3600)
        with suppress(Died):
            desk.deliver()
    assert counterexamples(house) == []
    _everything_ended(house, chaos)


class _People:
    """Operators who retry and skip things at random."""

    def __init__(self, desk: Desk, draw: random.Random) -> None:
        self._desk = desk
        self._draw = draw

    def retry(self) -> None:
        """Ask for something again that stands still."""
        waiting = [found for found in self._desk.effects() if found.state in ("dead", "held", "failed")]
        if waiting:
            self._desk.retry(self._draw.choice(waiting))

    def skip(self) -> None:
        """Say of something that it was done, or is not needed."""
        waiting = [found for found in self._desk.effects() if found.state in ("dead", "held", "unknown")]
        if waiting:
            effect, done = self._draw.choice(waiting), self._draw.random() < 0.5
            with suppress(Conflict):
                run_to_end(
                    skip_effect(self._desk.world, DEFAULT_MERCHANT, effect.id, "looked at it", "linh", done=done)
                )


def _everything_ended(house: House, chaos: Chaos) -> None:
    """Once faults stop, everything is done, or stands with an open finding; and nothing single was done twice."""
    open_findings = {about for (about,) in house.rows("SELECT fingerprint FROM findings WHERE state <> 'resolved'")}
    for effect_id, key, state in house.rows("SELECT effect_id, key, state FROM effects"):
        assert state in ("done", "suppressed") or f"{state}_effect:{effect_id.hex}" in open_findings, (key, state)
        if state == "done" and not house.rows(
            "SELECT 1 FROM audit WHERE subject_id = %s AND event IN ('said_done', 'skip')", effect_id
        ):
            assert chaos.done[key] >= 1, key
    # Nobody asked for a second time of what was done or unknown, so the receiver did nothing twice.
    assert [key for key, times in chaos.done.items() if times > 1] == []
