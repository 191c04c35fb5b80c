"""Books of purposes: loading them under lock, and recording what was decided, one statement per table.

The number of statements does not depend on how many books or rows there are. Locks are taken in one order everywhere:
orders by id, then their attempts by order and number, then stock by sku; then only inserts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import fields
from typing import Any, Final, NamedTuple
from uuid import UUID

from payonce.domain.attempt import Attempt
from payonce.domain.book import Book, Capture, RefKey, Return, Rules
from payonce.domain.effect import EffectKind
from payonce.domain.observation import PaidIn
from payonce.domain.order import Order
from payonce.domain.refund import Refund
from payonce.store import owed, payouts, queries, stock, tallies
from payonce.store.database import Call, Query, Row, Tx
from payonce.store.findings import resolve_findings, write_findings
from payonce.store.payouts import PAYOUTS

BOOKS: Final = queries.load("books")
LOCKS: Final = queries.load("order_locks")
# Behind an order's own columns `lock_free_orders` says of which purpose it is wanted.
_ORDER_COLUMNS: Final = len(fields(Order))


class Concerned(NamedTuple):
    """The order of an attempt that something is about, and its purpose."""

    purpose: str
    order_id: UUID


class Beside:
    """Statements that a caller asks in the round trip that loads the books, and their rows once they are loaded.

    They are asked before the orders are: each statement sees what was committed until it began, so the orders are at
    least as new as what is asked beside them, and no order that it tells of is missing among them.

    `waits`: the purposes' orders are waited for by a statement of its own before they are loaded. Under READ COMMITTED
    a statement that had to wait does not see what was inserted meanwhile, and the next one does: where many insert for
    one purpose they queue up, instead of meeting each other's rows at the end of every run.

    `skips`: nobody is waited for. The orders of purposes of which somebody holds one are in `kept` then, and their
    books are left out; so are those that ask for stock, which is locked as well and which many share.
    """

    def __init__(self, *calls: Call, waits: bool = False, skips: bool = False) -> None:
        self.calls: Final = calls
        self.waits: Final = waits
        self.skips: Final = skips
        self.rows: Sequence[list[Row]] = ()
        self.kept: frozenset[UUID] = frozenset()

    def free(self, rows: Sequence[Row]) -> list[Row]:
        """What was locked of purposes of which nothing is to be waited for; the others are noted as kept."""
        held = {row.wanted_purpose for row in rows if row.order_id is None or row.has_items}
        self.kept = frozenset(row.wanted_id for row in rows if row.wanted_purpose in held)
        return [row for row in rows if row.wanted_purpose not in held]


async def resolve(
    tx: Tx, merchant_id: str, keys: Sequence[RefKey], attempt_ids: Sequence[UUID]
) -> tuple[dict[RefKey, UUID], dict[UUID, Concerned]]:
    """Which attempt each known reference serves, and whom all attempts concern. Locks nothing."""
    return resolved(*await tx.all(*calls_to_resolve(merchant_id, keys, attempt_ids)))


def calls_to_resolve(merchant_id: str, keys: Sequence[RefKey], attempt_ids: Sequence[UUID]) -> list[Call]:
    """What `resolve` asks, for callers that ask more in the same round trip; `resolved` reads the answers."""
    asked = {"merchant_id": merchant_id, **_ref_columns(keys)}
    return [
        (BOOKS.resolve_refs, asked),
        (BOOKS.resolve_attempts, {"merchant_id": merchant_id, "attempt_ids": list(attempt_ids)}),
    ]


def resolved(by_ref: Sequence[Row], by_id: Sequence[Row]) -> tuple[dict[RefKey, UUID], dict[UUID, Concerned]]:
    """What the calls of `calls_to_resolve` answered."""
    owners = {RefKey(row.provider, row.account, row.kind, row.ref): row.attempt_id for row in by_ref}
    return owners, {row.attempt_id: Concerned(row.purpose, row.order_id) for row in (*by_ref, *by_id)}


async def load(
    tx: Tx,
    merchant_id: str,
    purposes: Iterable[str] | None,
    order_ids: Iterable[UUID],
    new_id: Callable[[], UUID],
    kinds: Iterable[EffectKind],
    *,
    rules: Rules,
    with_refs: bool = True,
    skus: Collection[str] = (),
    beside: Beside | None = None,
) -> dict[str, Book]:
    """The books of the purposes, locked until COMMIT; empty ones for purposes that are new. None: the purposes of the
    orders, as far as there are such orders.

    `order_ids`: the orders that are known to be concerned, in most cases all there are; what belongs to others of the
    purposes costs another round trip. `with_refs=False` leaves the references out, for callers that resolved those
    which they need. `skus`: stock that is asked for anew; that of orders which ask for some is loaded with them.
    `beside`: what else is asked in the first round trip.
    """
    named = None if purposes is None else sorted(set(purposes))
    known = sorted(set(order_ids))
    skips = beside is not None and beside.skips
    attempts = BOOKS.read_attempts if skips else BOOKS.lock_attempts
    lock = LOCKS.lock_free_orders if skips else LOCKS.lock_orders
    calls = _calls_for(merchant_id, known, attempts, with_refs) if known else []
    waiting = [(LOCKS.wait_for_orders, {"merchant_id": merchant_id, "purposes": named or []})]
    first = waiting if beside and beside.waits else []
    asked = beside.calls if beside else ()
    answers = await tx.all(
        *first,
        *asked,
        (lock, {"merchant_id": merchant_id, "purposes": named, "order_ids": known}),
        *calls,
    )
    answers = answers[len(first) :]
    if beside:
        beside.rows, answers = answers[: len(asked)], answers[len(asked) :]
    orders, *rest = answers
    if beside and skips:
        orders = beside.free(orders)
    names = sorted({row.purpose for row in orders}) if named is None else named
    books = {name: Book(merchant_id, name, tx.now, new_id, tuple(kinds), rules) for name in names}
    by_order: dict[UUID, Book] = {}
    for row in orders:
        by_order[row.order_id] = books[row.purpose]
        books[row.purpose].orders[row.order_id] = Order(*row[:_ORDER_COLUMNS])
    if known:
        _fill(by_order, rest)
    others = sorted(by_order.keys() - set(known))
    calls = _calls_for(merchant_id, others, attempts, with_refs) if others else []
    stocked = stock.calls_for(merchant_id, [row.order_id for row in orders if row.has_items], skus)
    if calls or stocked:
        more = await tx.all(*calls, *stocked)
        if calls:
            _fill(by_order, more[: len(calls)])
        stock.fill(books, by_order, more[len(calls) :])
    return books


def _calls_for(merchant_id: str, order_ids: Sequence[UUID], attempts: Query, with_refs: bool) -> list[Call]:
    """What is loaded for orders whose ids are known: single tables by one index each, whatever statistics there are."""
    given = {"merchant_id": merchant_id, "order_ids": order_ids}
    needed = [attempts, BOOKS.load_captures, BOOKS.load_returns, BOOKS.load_refunds, PAYOUTS.load_shares]
    return [(query, given) for query in (*needed, *([BOOKS.load_refs] if with_refs else []))]


def _fill(by_order: dict[UUID, Book], loaded: Sequence[Sequence[Row]]) -> None:
    """Put attempts, captures, returns, refunds and references into the books of their orders."""
    attempts, captures, returns, refunds, shares, *refs = loaded
    payouts.fill(by_order, shares)
    for row in attempts:
        if row.order_id in by_order:
            by_order[row.order_id].attempts[row.attempt_id] = Attempt(*row)
    for row in captures:
        if row.order_id in by_order:
            provider, account, kind, ref, *rest, asset, amount, rule = row
            key = RefKey(provider, account, kind, ref)
            capture = by_order[row.order_id].captures[key] = Capture(key, *rest)
            capture.paid_in = PaidIn(asset, amount, rule) if asset is not None else None
    for row in returns:
        if row.order_id in by_order:
            key = RefKey(row.provider, row.account, row.kind, row.ref)
            source = RefKey(row.provider, row.account, row.capture_kind, row.capture_ref)
            by_order[row.order_id].returns[key] = Return(
                row.nature, key, source, row.attempt_id, row.order_id, row.status, row.amount_minor, row.currency,
                row.returned_minor, row.refund_id,
            )  # fmt: skip
    for row in refunds:
        if row.order_id in by_order:
            refund_id, order_id, attempt_id, provider, account, kind, ref, *rest = row
            source = RefKey(provider, account, kind, ref)
            by_order[order_id].refunds[refund_id] = Refund(refund_id, order_id, attempt_id, source, *rest)
    for row in (row for rows in refs for row in rows):
        if row.order_id in by_order:
            by_order[row.order_id].refs[RefKey(row.provider, row.account, row.kind, row.ref)] = row.attempt_id


def record(tx: Tx, books: Iterable[Book], *, actor: str, order_ids: Iterable[UUID] = ()) -> None:
    """Write all that was decided in the books of one merchant, with the COMMIT. What is written is taken off the
    books. `order_ids`: what a run took up in them, which counts for its cap also where nothing was changed.
    """
    books = list(books)
    if not books:
        return
    given, run = {"merchant_id": books[0].merchant_id}, books[0].rules.run
    _write_refs(tx, given, [(key, book.attempts[owner]) for book in books for key, owner in book.new_refs])
    changed = [(book, book.captures[key]) for book in books for key in book.changed_captures | _refunded(book)]
    _write_captures(tx, given, changed)
    orders = [book.orders[order_id] for book in books for order_id in book.changed_orders]
    # An order that gives its purpose up is written before the one that takes it, because uniqueness is checked per row.
    _write_orders(tx, given, [order for order in orders if not order.holds_purpose])
    _write_orders(tx, given, [order for order in orders if order.holds_purpose])
    write_attempts(tx, given["merchant_id"], [b.attempts[a] for b in books for a in b.changed_attempts])
    _write_money(tx, given, books)
    returns = [book.returns[key] for book in books for key in book.changed_returns]
    _write_returns(tx, given, returns)
    refunds = [book.refunds[refund_id] for book in books for refund_id in book.changed_refunds]
    _write_refunds(tx, given, refunds)
    stock.write(tx, given, books)
    payouts.write_accruals(tx, given["merchant_id"], [b.accruals[key] for b in books for key in b.changed_accruals])
    effects = [effect for book in books for effect in book.effects]
    owed.write_owed(tx, given["merchant_id"], effects, books[0].new_id, actor=actor, run=run)
    if run is not None:
        touched = {*order_ids, *(order_id for book in books for order_id in book.changed_orders)}
        tallies.charge(tx, given["merchant_id"], run, touched, [effect.id for effect in effects])
    write_findings(tx, given["merchant_id"], [finding for book in books for finding in book.findings])
    resolve_findings(
        tx, given["merchant_id"], {gone for book in books for gone in book.resolved}, "the difference is gone"
    )
    owed.write_steps(tx, given["merchant_id"], [step for book in books for step in book.steps], actor=actor, run=run)
    for book in books:
        book.clear()


def _ref_columns(keys: Sequence[RefKey]) -> dict[str, Any]:
    return {
        "providers": [key.provider for key in keys],
        "accounts": [key.account for key in keys],
        "kinds": [key.kind for key in keys],
        "refs": [key.id for key in keys],
    }


def _write_refs(tx: Tx, given: dict[str, Any], refs: Sequence[tuple[RefKey, Attempt]]) -> None:
    if refs:
        tx.later(
            BOOKS.insert_refs, **given, **_ref_columns([key for key, _ in refs]),
            attempt_ids=[owner.id for _, owner in refs], order_ids=[owner.order_id for _, owner in refs],
        )  # fmt: skip


def _refunded(book: Book) -> set[RefKey]:
    """The captures whose sum of refunds may have changed."""
    return {book.refunds[refund_id].capture for refund_id in book.changed_refunds}


def _write_captures(tx: Tx, given: dict[str, Any], changed: Sequence[tuple[Book, Capture]]) -> None:
    captures = [capture for _, capture in changed]
    if captures:
        tx.later(
            BOOKS.upsert_captures, **given, **_ref_columns([capture.key for capture in captures]), now=tx.now,
            attempt_ids=[c.attempt_id for c in captures], order_ids=[c.order_id for c in captures],
            currencies=[c.currency for c in captures], captured=[c.captured_minor for c in captures],
            allocated=[c.allocated_minor for c in captures], surplus=[c.surplus_minor for c in captures],
            confirmed=[c.is_confirmed for c in captures],
            refunds=[sum(r.amount_minor for r in b.refunds_of(c) if r.is_ours_to_count) for b, c in changed],
            paid_in_assets=[c.paid_in and c.paid_in.asset for c in captures],
            paid_in_amounts=[c.paid_in and c.paid_in.amount for c in captures],
            paid_in_rules=[c.paid_in and c.paid_in.rule for c in captures],
        )  # fmt: skip


def _write_orders(tx: Tx, given: dict[str, Any], orders: Sequence[Order]) -> None:
    if orders:
        tx.later(
            BOOKS.update_orders, **given,
            order_ids=[o.id for o in orders], states=[o.state for o in orders],
            received=[o.received_minor for o in orders], allocated=[o.allocated_minor for o in orders],
            refunded=[o.refunded_minor for o in orders], disputed=[o.disputed_minor for o in orders],
            opened=[o.opened_at for o in orders], paid=[o.paid_at for o in orders],
            closed=[o.closed_at for o in orders],
            closed_reasons=[o.closed_reason for o in orders], close_because=[o.close_because for o in orders],
            released=[o.released_at for o in orders], versions=[o.version for o in orders],
        )  # fmt: skip


def write_attempts(tx: Tx, merchant_id: str, attempts: Sequence[Attempt]) -> None:
    """Write the rows of changed attempts, with the COMMIT."""
    if attempts:
        tx.later(
            BOOKS.update_attempts, merchant_id=merchant_id,
            attempt_ids=[a.id for a in attempts], states=[a.state for a in attempts],
            fences=[a.fence for a in attempts],
            leases=[a.lease_until for a in attempts], handle_kinds=[a.handle_kind for a in attempts],
            handle_refs=[a.handle_ref for a in attempts], urls=[a.url for a in attempts],
            secrets=[a.client_secret for a in attempts], expires=[a.expires_at for a in attempts],
            disclosed=[a.disclosed_at for a in attempts], consents=[a.consent_at for a in attempts],
            close_because=[a.close_because for a in attempts], declines=[a.decline for a in attempts],
            needs_action=[a.needs_action for a in attempts], opened=[a.opened_at for a in attempts],
            sent=[a.sent_at for a in attempts], asked=[a.asked_at for a in attempts],
            instructions=[None if a.instructions is None else json.dumps(dict(a.instructions)) for a in attempts],
            versions=[a.version for a in attempts], seen=[a.seen_at for a in attempts],
            closing=[a.closing_since for a in attempts],
        )  # fmt: skip


def _write_money(tx: Tx, given: dict[str, Any], books: Sequence[Book]) -> None:
    settled = [settlement for book in books for settlement in book.settlements]
    if settled:
        tx.later(
            BOOKS.insert_settlements, **given, now=tx.now,
            order_ids=[s.order_id for s in settled], attempt_ids=[s.attempt_id for s in settled],
            providers=[s.capture and s.capture.provider for s in settled],
            accounts=[s.capture and s.capture.account for s in settled],
            kinds=[s.capture and s.capture.kind for s in settled], refs=[s.capture and s.capture.id for s in settled],
            amounts=[s.amount_minor for s in settled], currencies=[s.currency for s in settled],
        )  # fmt: skip
    entries = [entry for book in books for entry in book.entries if entry.postings]
    if not entries:
        return
    tx.later(
        BOOKS.insert_entries, **given, now=tx.now,
        entry_ids=[e.id for e in entries], causes=[e.cause for e in entries],
        order_ids=[e.order_id for e in entries], currencies=[e.currency for e in entries],
    )  # fmt: skip
    lines = [(entry.id, number, line) for entry in entries for number, line in enumerate(entry.postings, 1)]
    tx.later(
        BOOKS.insert_postings, **given,
        entry_ids=[entry_id for entry_id, _, _ in lines], lines=[number for _, number, _ in lines],
        accounts=[line.account for _, _, line in lines], amounts=[line.amount_minor for _, _, line in lines],
    )  # fmt: skip


def _write_returns(tx: Tx, given: dict[str, Any], returns: Sequence[Return]) -> None:
    if returns:
        tx.later(
            BOOKS.upsert_returns, **given, **_ref_columns([back.key for back in returns]), now=tx.now,
            natures=[r.nature for r in returns], capture_kinds=[r.capture.kind for r in returns],
            capture_refs=[r.capture.id for r in returns], attempt_ids=[r.attempt_id for r in returns],
            order_ids=[r.order_id for r in returns], statuses=[r.status for r in returns],
            amounts=[r.amount_minor for r in returns], returned=[r.returned_minor for r in returns],
            currencies=[r.currency for r in returns], refund_ids=[r.refund_id for r in returns],
        )  # fmt: skip


def _write_refunds(tx: Tx, given: dict[str, Any], refunds: Sequence[Refund]) -> None:
    """Write new refunds and changed ones: two statements, because a new one has no request yet."""
    new, known = [r for r in refunds if r.is_new], [r for r in refunds if not r.is_new]
    if new:
        tx.later(
            BOOKS.insert_refunds, **given, **_ref_columns([r.capture for r in new]), now=tx.now,
            refund_ids=[r.id for r in new], order_ids=[r.order_id for r in new],
            attempt_ids=[r.attempt_id for r in new], serves=[r.serves for r in new], states=[r.state for r in new],
            amounts=[r.amount_minor for r in new], currencies=[r.currency for r in new],
            reasons=[r.reason for r in new], asked_by=[r.asked_by for r in new],
            staged=[r.staged_minor for r in new], due=[r.due_at for r in new], ended=[r.ended_at for r in new],
            declines=[r.decline for r in new], versions=[r.version for r in new],
        )  # fmt: skip
        for refund in new:
            refund.is_new = False
    if known:
        tx.later(
            BOOKS.update_refunds, **given,
            refund_ids=[r.id for r in known], states=[r.state for r in known], asked_by=[r.asked_by for r in known],
            staged=[r.staged_minor for r in known], ref_kinds=[r.ref_kind for r in known], refs=[r.ref for r in known],
            fences=[r.fence for r in known], leases=[r.lease_until for r in known], due=[r.due_at for r in known],
            sent=[r.sent_at for r in known], asked=[r.asked_at for r in known], ended=[r.ended_at for r in known],
            declines=[r.decline for r in known], versions=[r.version for r in known],
        )  # fmt: skip
