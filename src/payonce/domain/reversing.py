"""Reversing: what was done for money is undone when the money is gone, or when it was done more than once (X16).

A reversal is owed in the transaction that records its cause: the refund or dispute by which an order lost the last of
its money, or the delivery that was one too many. Its key names that cause, so that it is owed once. Whether there is
anything to undo is looked at when it is claimed, because only then is it known what became of the other effect. Nothing
is done again by itself: money that comes back after a reversal is a finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from payonce.domain.book import Book, Return
from payonce.domain.effect import REVERSAL, Effect, EffectKind
from payonce.domain.order import Order

SURPLUS_DELIVERY: Final = f"{REVERSAL}surplus_delivery"
# Not ended yet, and somebody will go on with it: another reversal of the same need not be sent beside it.
_GOES_ON: Final = ("pending", "failed", "unknown")


def is_gone(book: Book, order: Order) -> bool:
    """Whether refunds and disputes took all the money back that pays the order. An order of zero has none to lose."""
    if order.state != "paid" or order.amount_minor == 0:
        return False
    mine = [capture for capture in book.captures.values() if capture.order_id == order.id]
    return sum(min(c.allocated_minor, book.order_back(c)) for c in mine) >= order.amount_minor


def after_return(book: Book, order: Order, back: Return, was_gone: bool) -> None:
    """Owe what undoes the order's effects where `back` took the last of its money; find it where the money returns."""
    gone = is_gone(book, order)
    if gone and not was_gone:
        why = "dispute" if any(_takes_from(book, order, one) for one in book.returns.values()) else "refund"
        book.owe(f"{REVERSAL}{why}", order, f"{why}:{':'.join(back.key)}")
        book.resolve("money_came_back", order.id.hex)
    elif was_gone and not gone and any(kind.undoes for kind in book.kinds):
        book.find("money_came_back", order.id.hex, order, order.amount_minor, by=f"{back.nature} {back.status}")


def _takes_from(book: Book, order: Order, back: Return) -> bool:
    """Whether it is a dispute that took money which pays the order."""
    capture = book.capture_of(back)
    serves = capture is None or capture.allocated_minor > 0
    return back.nature == "dispute" and back.order_id == order.id and back.returned_minor > 0 and serves


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try at an effect, as its row stands: how it ended, when, and what the receiver said."""

    number: int
    outcome: str
    ended_at: datetime | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """An effect beside a reversal: what it may have to undo, or another reversal of the same."""

    effect: Effect
    deliveries: tuple[Delivery, ...] = ()

    @property
    def accepted(self) -> list[Delivery]:
        """The tries that the receiver took, the oldest first."""
        return [one for one in self.deliveries if one.outcome == "accepted"]

    @property
    def was_done(self) -> bool:
        return self.effect.state == "done" or bool(self.accepted)

    @property
    def may_have_been_done(self) -> bool:
        """Whether a try ended without a word, or its worker was lost."""
        return any(one.outcome in ("unknown", "begun") for one in self.deliveries)

    @property
    def last_done_at(self) -> datetime | None:
        """When it was last done, as far as anybody said so."""
        times = [one.ended_at for one in self.accepted if one.ended_at is not None]
        return max(times + ([self.effect.done_at] if self.effect.done_at is not None else []), default=None)


Verdict = tuple[Literal["send", "wait", "hold", "needless"], str]


def verdict(
    reversal: Effect, kind: EffectKind, originals: Sequence[Done], siblings: Sequence[Done], *, is_money_gone: bool
) -> Verdict:
    """What becomes of a reversal that is due. `siblings`: the other reversals of its kind that a lost payment owes.

    A try that ended without a word may have done what is to be undone. The reversal is sent then where sending it
    for nothing does no harm: its receiver knows it by its key, or it writes only to this database and can look. Any
    other one waits for a person.
    """
    is_surplus = reversal.occasion == SURPLUS_DELIVERY
    if not is_surplus and not is_money_gone:
        return "needless", "money_is_back"
    if not is_surplus and any(done.effect.state == "claimed" for done in originals):
        # It is being done at this moment; undoing it must come afterwards.
        return "wait", "being_done"
    if any(_undoes_already(reversal, sibling, originals) for sibling in siblings):
        return "needless", "undone_already"
    if any(sibling.effect.state == "claimed" for sibling in siblings):
        return "wait", "being_undone"
    if any(done.was_done for done in originals):
        return "send", ""
    if any(done.may_have_been_done for done in originals):
        is_harmless = kind.on_unknown == "resend" or kind.transactional
        return ("send", "") if is_harmless else ("hold", "original_unknown")
    return "needless", "nothing_to_undo"


def _undoes_already(reversal: Effect, sibling: Done, originals: Sequence[Done]) -> bool:
    """Whether the other reversal came after the last time that the effect was done, or will come by itself."""
    other = sibling.effect
    if other.state in _GOES_ON:
        # Of two that nobody has begun, the older one goes on.
        return other.state != "pending" or other.id < reversal.id
    last = max((done.last_done_at for done in originals if done.last_done_at is not None), default=None)
    return other.state == "done" and other.done_at is not None and (last is None or last <= other.done_at)


def to_undo(reversal: Effect, done: Done) -> list[Delivery]:
    """The deliveries that the reversal undoes: all, or those beyond the first one."""
    return done.accepted[1:] if reversal.occasion == SURPLUS_DELIVERY else done.accepted
