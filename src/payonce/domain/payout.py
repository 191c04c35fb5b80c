"""Payouts: what others are to get of an order's money. It decides and owes; the application pays.

A share is the wish that was placed with an order. Once the order is paid the share *accrues*, once for ever (E10).
When the money goes back, the accrual goes back with it by a posting of its own; nothing is deleted. What is in doubt is
held back (E12): an open finding about the order's money, a dispute, a refund under way. A payout covers a payee's
accruals of one currency; what an earlier payout paid too much is taken off the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain.arrow import Arrow, Machine
from payonce.domain.ledger import PAYOUT_COSTS, Posting, entry, payouts_due, payouts_made

if TYPE_CHECKING:
    from payonce.domain.book import Book, Capture
    from payonce.domain.order import Order

STATES: Final = ("accrued", "held", "paid_out", "reversed")
EVENTS: Final = ("doubted", "freed", "covered", "returned", "came_back")
MACHINE: Final = Machine(
    "accrual",
    STATES,
    EVENTS,
    (
        Arrow("accrued", "doubted", "held", "the order's money is disputed, going back, or in an open finding"),
        Arrow("held", "freed", "accrued", "nothing speaks against it any more"),
        Arrow("accrued", "covered", "paid_out", "a payout covers it, once"),
        # What was paid out stays so; what it should have been is settled by the payee's next payout.
        Arrow("accrued", "returned", "reversed", "the order's money went back before it was paid out"),
        Arrow("held", "returned", "reversed", "the order's money went back before it was paid out"),
        Arrow("reversed", "came_back", "accrued", "a refund failed or a dispute was won: the money is there again"),
    ),
)

# As many as one split of an order has in earnest.
MOST_SHARES: Final = 50
# One transaction moves at most so many accruals; a payout is made of so many even below the threshold.
MOST_ACCRUALS: Final = 1000
LONGEST_PAYEE: Final = 200
# Open findings that put an order's own money in question. `over_payment` and `amount_differs` do not: what serves the
# order is not in doubt there.
DOUBTS: Final = (
    "second_charge", "late_payment", "currency_differs", "account_differs", "returned_twice", "dispute_opened",
    "return_undone", "refund_in_doubt", "refund_failed", "money_came_back",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Share:
    """What a payee is to get of an order, in minor units of the order's currency."""

    payee: str
    amount_minor: int


@dataclass(slots=True)
class Accrual:
    """A working copy of an accrual's row, locked with its order."""

    id: UUID
    order_id: UUID
    payee: str
    currency: str
    state: str
    held_because: str | None
    amount_minor: int
    reversed_minor: int
    payout_number: int | None
    paid_minor: int | None
    version: int
    is_new: bool = False

    @property
    def left_minor(self) -> int:
        """What the payee is to get of it as the order's money stands."""
        return self.amount_minor - self.reversed_minor

    @property
    def overpaid_minor(self) -> int:
        """What a payout paid of it beyond that."""
        return (self.paid_minor or 0) - self.left_minor if self.state == "paid_out" else 0


def shares_of(wished: Sequence[Share | Mapping[str, Any]], amount_minor: int) -> tuple[Share, ...]:
    """The shares by payee, as an order of the amount may have them. Raises Refused `payouts_invalid`."""
    found = tuple(sorted((_share(one) for one in wished), key=lambda share: share.payee))
    if len(found) > MOST_SHARES:
        raise _refused(f"an order is shared by at most {MOST_SHARES} payees")
    for share in found:
        text = share.payee
        if not text or text != text.strip() or len(text) > LONGEST_PAYEE or not text.isprintable():
            raise _refused("a payee is empty, too long or not printable")
        if share.amount_minor <= 0:
            raise _refused(f"the share of {text} is not positive")
    if len({share.payee for share in found}) < len(found):
        raise _refused("a payee is named twice")
    if sum(share.amount_minor for share in found) > amount_minor:
        raise _refused("the shares are more than the order's amount")
    return found


def _share(wished: Share | Mapping[str, Any]) -> Share:
    if isinstance(wished, Share):
        return wished
    payee, amount = wished.get("payee"), wished.get("amount_minor")
    if set(wished) != {"payee", "amount_minor"} or not isinstance(payee, str) or type(amount) is not int:
        raise _refused("a payout has a payee and an amount_minor, a text and a whole number, and nothing else")
    return Share(payee, amount)


def accrue(book: Book, order: Order) -> None:
    """Owe the payees their shares of an order that is paid now."""
    for share in book.shares.get(order.id, ()):
        key = (order.id, share.payee)
        if key in book.accruals:
            continue
        accrual = Accrual(
            book.new_id(), order.id, share.payee, order.currency, "accrued", None, share.amount_minor, 0, None, None, 1,
            is_new=True,
        )  # fmt: skip
        book.accruals[key] = accrual
        book.changed_accruals.add(key)
        _post(book, accrual, share.amount_minor)


def follow(book: Book) -> None:
    """Let every accrual follow its order's money: back for good it is taken back in proportion, disputed it waits."""
    for key, accrual in book.accruals.items():
        order = book.orders[accrual.order_id]
        mine = [capture for capture in book.captures.values() if capture.order_id == order.id]
        back = sum(min(c.allocated_minor, book.order_back(c, for_good=True)) for c in mine)
        target = accrual.amount_minor - share_of(accrual.amount_minor, order.amount_minor - back, order.amount_minor)
        if target != accrual.reversed_minor:
            moved, accrual.reversed_minor = target - accrual.reversed_minor, target
            accrual.version += 1
            book.changed_accruals.add(key)
            _post(book, accrual, -moved)
            _follow_state(book, order, accrual)
        if accrual.state == "accrued" and any(_is_disputed(book, capture) for capture in mine):
            move(book, accrual, "doubted", "disputed")


def share_of(amount_minor: int, left_minor: int, whole_minor: int) -> int:
    """The part of a share that goes with the part of the order's money that is left, rounded down: what is not there
    is not handed on.
    """
    return amount_minor * max(0, left_minor) // whole_minor


def move(book: Book, accrual: Accrual, event: str, because: str | None = None) -> None:
    """Take the accrual along the arrow of `event`, where one is written."""
    if book.step("accrual", accrual.id, MACHINE, accrual.state, event):
        accrual.state, accrual.held_because = str(MACHINE.target(accrual.state, event)), because
        accrual.version += 1
        book.changed_accruals.add((accrual.order_id, accrual.payee))


def why_doubted(finding: str | None, is_disputed: bool, is_going_back: bool) -> str | None:
    """Why an accrual is held back, or None when nothing speaks against paying it out."""
    return "disputed" if is_disputed else "refund_under_way" if is_going_back else finding


def covers(gross_minor: int, carried_minor: int, threshold_minor: int, is_full: bool) -> bool:
    """Whether a payout is made: something is left after what is carried, and it reaches the threshold or is full."""
    amount = gross_minor + carried_minor
    return amount > 0 and (amount >= threshold_minor or is_full)


def postings_of_payout(payee: str, amount_minor: int) -> tuple[Posting, Posting]:
    """The lines of an entry that moves an amount from due to paid."""
    return Posting(payouts_due(payee), amount_minor), Posting(payouts_made(payee), -amount_minor)


def _follow_state(book: Book, order: Order, accrual: Accrual) -> None:
    if accrual.state == "paid_out":
        about = f"{order.id.hex}:{accrual.payee}"
        if accrual.overpaid_minor > 0:
            paid = f"payout {accrual.payout_number}"
            book.find("payout_overpaid", about, order, accrual.overpaid_minor, payee=accrual.payee, by=paid)
        else:
            book.resolve("payout_overpaid", about)
    elif accrual.left_minor == 0:
        move(book, accrual, "returned")
    elif accrual.state == "reversed":
        move(book, accrual, "came_back")


def _is_disputed(book: Book, capture: Capture) -> bool:
    """Whether a bank disputes money that serves the order, or asks about it."""
    return capture.allocated_minor > 0 and any(
        back.nature == "dispute" and back.status in ("warning", "open") for back in book.returns_of(capture)
    )


def _post(book: Book, accrual: Accrual, amount_minor: int) -> None:
    cause = f"accrual:{accrual.order_id.hex}:{accrual.payee}:{accrual.version}"
    lines = (Posting(PAYOUT_COSTS, amount_minor), Posting(payouts_due(accrual.payee), -amount_minor))
    book.entries.append(entry(book.new_id(), cause, accrual.order_id, accrual.currency, *lines))


def _refused(why: str) -> Refused:
    return Refused(why, code="payouts_invalid", param="payouts")
