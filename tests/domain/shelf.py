"""What has been recorded of a book so far, as the tables would hold it, and the invariants over all of it.

`record` does what `store.books.record` does with what was decided: rows that are only ever added are unique by their
keys, findings are opened before differences that are gone are resolved. `check` computes every sum a second time, from
the rows, by other ways than the rules do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from payonce.domain import attempt, order, payout, refund, reservation
from payonce.domain.arrow import Machine
from payonce.domain.book import Book, Capture, RefKey, Return, Settlement
from payonce.domain.finding import Finding
from payonce.domain.ledger import DISPUTES, ORDERS, REFUNDING, REFUNDS, SURPLUS, Entry, clearing, payouts_due
from payonce.domain.order import Order
from payonce.domain.refund import Refund

MACHINES: dict[str, Machine] = {
    m.name: m for m in (order.MACHINE, attempt.MACHINE, refund.MACHINE, reservation.MACHINE, payout.MACHINE)
}
# The findings that hold money until somebody decides.
HOLDING = ("second_charge", "over_payment", "late_payment", "currency_differs")
# The rows of ours that are neither known to have failed nor taken back.
COUNTING = ("planned", "due", "sending", "in_doubt", "sent", "succeeded")


@dataclass
class Shelf:
    """The tables, in memory."""

    entries: dict[str, Entry] = field(default_factory=dict)
    settlements: list[Settlement] = field(default_factory=list)
    effects: set[str] = field(default_factory=set)
    open_findings: dict[str, Finding] = field(default_factory=dict)
    stands_at: dict[tuple[str, UUID], str] = field(default_factory=dict)

    def record(self, book: Book) -> None:
        """Take what was decided off the book."""
        for made in book.entries:
            if made.postings:
                assert made.cause not in self.entries, f"posted twice: {made.cause}"
                self.entries[made.cause] = made
        self.settlements += book.settlements
        self.effects |= {effect.key for effect in book.effects}
        for finding in book.findings:
            self.open_findings[finding.fingerprint] = finding
        for fingerprint in book.resolved:
            self.open_findings.pop(fingerprint, None)
        for step in book.steps:
            # S8
            assert MACHINES[step.subject].target(step.source, step.event) == step.target, step
            assert self.stands_at.get((step.subject, step.subject_id), step.source) == step.source, step
            self.stands_at[step.subject, step.subject_id] = step.target
        book.clear()
        for capture in book.captures.values():
            # As loaded again: nothing is new any more.
            capture.is_new = False

    def posted(self, account: str, currency: str) -> int:
        """The sum of the account."""
        lines = [line for entry in self.entries.values() if entry.currency == currency for line in entry.postings]
        return sum(line.amount_minor for line in lines if line.account == account)

    def held(self, capture: Capture) -> dict[str, int]:
        """Kind -> money of the open findings that hold money of the capture."""
        about = ":".join(capture.key)
        found = ((kind, self.open_findings.get(f"{kind}:{about}")) for kind in HOLDING)
        return {kind: finding.money_minor for kind, finding in found if finding is not None}


def check(book: Book, shelf: Shelf, seen: dict[RefKey, int]) -> None:
    """Every invariant that can be seen without a database; `seen` is the most that was ever told of each capture."""
    for order_ in book.orders.values():
        _check_order(book, shelf, order_)
    for key, capture in book.captures.items():
        assert capture.captured_minor == seen[key], f"{key} brought {seen[key]}, booked {capture.captured_minor}"
        _check_capture(book, shelf, capture)
    assert {key for key, most in seen.items() if most} == set(book.captures), "a capture was dropped"
    assert sum(order_.holds_purpose for order_ in book.orders.values()) <= 1
    assert sum(order_.state == "waiting" for order_ in book.orders.values()) <= 1
    # S6
    assert sum(attempt_.is_live for attempt_ in book.attempts.values()) <= 1
    _check_references(book)
    _check_ledger(book, shelf)
    _check_payouts(book, shelf)


def _check_order(book: Book, shelf: Shelf, order_: Order) -> None:
    captures = [c for c in book.captures.values() if c.order_id == order_.id]
    mine = [c for c in captures if c.currency == order_.currency]
    assert order_.received_minor == sum(c.captured_minor for c in mine)
    # S1
    assert order_.allocated_minor == sum(c.allocated_minor for c in captures)
    assert 0 <= order_.allocated_minor <= order_.amount_minor
    # S2
    settled = [s for s in shelf.settlements if s.order_id == order_.id]
    assert len(settled) == (order_.state == "paid"), (order_.state, settled)
    for settlement in settled:
        assert (settlement.amount_minor, settlement.currency) == (order_.amount_minor, order_.currency)
        assert order_.allocated_minor == order_.amount_minor
    assert order_.state in ("open", "paid") or order_.allocated_minor == 0
    backs = [b for b in book.returns.values() if b.order_id == order_.id and b.currency == order_.currency]
    assert order_.refunded_minor == sum(b.returned_minor for b in backs if b.nature == "refund")
    assert order_.disputed_minor == sum(b.returned_minor for b in backs if b.nature == "dispute")
    # An order that is paid in part is found for as long as it is so, and no longer.
    is_part_paid = order_.state == "open" and 0 < order_.allocated_minor < order_.amount_minor
    assert is_part_paid == (f"amount_differs:{order_.id.hex}" in shelf.open_findings), order_


def _check_capture(book: Book, shelf: Shelf, capture: Capture) -> None:
    assert capture.allocated_minor >= 0
    assert capture.surplus_minor >= 0
    assert capture.held_minor >= 0
    order_, backs = book.orders[capture.order_id], returns_of(book, capture)
    returned = sum(back.returned_minor for back in backs)
    of_order = sum(b.returned_minor for b in backs if b.refund_id and book.refunds[b.refund_id].serves == "order")
    # S21: what serves no order and did not go back is in an open finding, to the last minor unit; nor does a finding
    # stay open whose difference is gone.
    if capture.currency != order_.currency:
        expected = {"currency_differs": capture.captured_minor - returned}
    else:
        came_off = returned - of_order
        if order_.released_at is not None:
            # What others sent back was the order's money, which had to be back before: only what is beyond it counts.
            of_surplus = sum(
                b.returned_minor for b in backs if b.refund_id and book.refunds[b.refund_id].serves == "surplus"
            )
            others = returned - of_order - of_surplus
            came_off = of_surplus + max(0, others - max(0, capture.allocated_minor - of_order))
        surplus = capture.surplus_minor - min(capture.surplus_minor, came_off)
        expected = {"late_payment": capture.held_minor, HOLDING[capture.allocated_minor > 0]: surplus}
    assert shelf.held(capture) == {kind: money for kind, money in expected.items() if money > 0}, capture
    # S9
    is_twice = f"returned_twice:{':'.join(capture.key)}" in shelf.open_findings
    assert is_twice == (returned > capture.captured_minor), f"returned {returned} of {capture}"
    planned = {r.id.hex for r in book.refunds.values() if r.state == "planned"}
    found = {finding.about for finding in shelf.open_findings.values() if finding.kind == "refund_planned"}
    assert planned == found
    disputes = {":".join(b.key) for b in book.returns.values() if b.nature == "dispute" and b.status == "open"}
    found = {finding.about for finding in shelf.open_findings.values() if finding.kind == "dispute_opened"}
    assert disputes == found


def returns_of(book: Book, capture: Capture) -> list[Return]:
    """The returns of the capture: each return counts for one capture only. One that names none that is known is of the
    first one of its attempt.
    """
    first = next(c for c in book.captures.values() if c.attempt_id == capture.attempt_id)
    return [
        back
        for back in book.returns.values()
        if back.capture == capture.key
        or (capture is first and back.attempt_id == capture.attempt_id and back.capture not in book.captures)
    ]


def check_start(book: Book, refund_: Refund) -> None:
    """S9, at the moment that we begin to send: all that we sent or mean to send, what others returned, and what
    disputes took never exceeds what came in.
    """
    capture = book.captures[refund_.capture]
    ours = sum(r.amount_minor for r in book.refunds.values() if r.capture == capture.key and r.state in COUNTING)
    others = sum(_taken(back) for back in returns_of(book, capture) if back.refund_id is None)
    assert ours + others <= capture.captured_minor, f"{ours} and {others} of {capture}"


def _taken(back: Return) -> int:
    is_open = back.nature == "dispute" and back.status in ("open", "lost")
    return back.amount_minor if is_open else back.returned_minor


def _check_references(book: Book) -> None:
    # S5
    for key, capture in book.captures.items():
        assert book.refs[key] == capture.attempt_id
        assert book.attempts[capture.attempt_id].order_id == capture.order_id


def _check_payouts(book: Book, shelf: Shelf) -> None:
    """E10, E12: a share accrued once, with the settlement; it follows the money, and the ledger follows it."""
    settled = {settlement.order_id for settlement in shelf.settlements}
    wanted = {(order_id, share.payee) for order_id in settled for share in book.shares.get(order_id, ())}
    assert set(book.accruals) == wanted
    for payee in {payee for _, payee in wanted}:
        left = sum(accrual.left_minor for accrual in book.accruals.values() if accrual.payee == payee)
        assert shelf.posted(payouts_due(payee), "USD") == -left
    for accrual in book.accruals.values():
        assert 0 <= accrual.left_minor <= accrual.amount_minor
        assert (accrual.state == "reversed") == (accrual.left_minor == 0), accrual
        assert (accrual.held_because is None) == (accrual.state != "held")
        order = book.orders[accrual.order_id]
        for_good = any(b.returned_minor and b.status in ("succeeded", "lost") for b in book.returns.values())
        assert for_good or accrual.left_minor == accrual.amount_minor, (order, accrual)


def _check_ledger(book: Book, shelf: Shelf) -> None:
    # S3
    for entry in shelf.entries.values():
        assert sum(line.amount_minor for line in entry.postings) == 0, entry
    # S4
    for currency in {c.currency for c in book.captures.values()} | {b.currency for b in book.returns.values()}:
        captures = [c for c in book.captures.values() if c.currency == currency]
        backs = [b for b in book.returns.values() if b.currency == currency]
        ours = [r for r in book.refunds.values() if r.currency == currency]
        for account in {(c.key.provider, c.key.account) for c in captures}:
            came = sum(c.captured_minor for c in captures if (c.key.provider, c.key.account) == account)
            went = sum(b.returned_minor for b in backs if (b.key.provider, b.key.account) == account)
            assert shelf.posted(clearing(*account), currency) == came - went
        captured, allocated = sum(c.captured_minor for c in captures), sum(c.allocated_minor for c in captures)
        staged = {serves: sum(r.staged_minor for r in ours if r.serves == serves) for serves in ("order", "surplus")}
        assert all(r.staged_minor == (r.amount_minor if r.state in COUNTING[2:] else 0) for r in ours)
        assert shelf.posted(ORDERS, currency) == staged["order"] - allocated
        assert shelf.posted(SURPLUS, currency) == staged["surplus"] + allocated - captured
        echoed = _sum(b for b in backs if b.refund_id is not None)
        assert shelf.posted(REFUNDING, currency) == echoed - staged["order"] - staged["surplus"]
        assert shelf.posted(REFUNDS, currency) == _sum(b for b in backs if b.nature == "refund") - echoed
        assert shelf.posted(DISPUTES, currency) == _sum(b for b in backs if b.nature == "dispute")


def _sum(backs: Iterable[Return]) -> int:
    return sum(back.returned_minor for back in backs)
