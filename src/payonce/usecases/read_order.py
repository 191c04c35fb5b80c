"""Read orders: what happened to one, by id or by link. Reading changes nothing, whoever does it how often (E2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain.order import EXPIRED
from payonce.store import queries
from payonce.store.database import Awaited, Row, Tx, read_once
from payonce.store.payouts import PAYOUTS
from payonce.usecases.answers import (
    AttemptView,
    Counters,
    EffectView,
    ItemView,
    OrderView,
    Payment,
    PaymentView,
    RefundView,
    ShareView,
)
from payonce.usecases.leave_attempt import can_leave
from payonce.usecases.world import DEFAULT_MERCHANT, World

REFUNDS: Final = queries.load("refunds")
VIEWS: Final = queries.load("views")
ORDERS: Final = queries.load("orders")
# What an order is shown from: the order itself, then what belongs to it, each in the order of `_view`.
_OF_ORDERS: Final = (
    VIEWS.show_orders, VIEWS.show_attempts, VIEWS.show_effects, VIEWS.show_open_findings, REFUNDS.refunds_of_orders,
    PAYOUTS.load_shares, VIEWS.show_payments,
)  # fmt: skip
# The token of a link: 26 letters and digits; orders of another merchant than the default carry its name behind a dash.
TOKEN: Final = re.compile(r"([0-9a-z]{26})(?:-([a-z0-9_]{1,40}))?")


async def read_order(world: World, merchant_id: str, order_id: UUID) -> OrderView:
    """The order as it stands. Raises Refused `order_unknown` (404)."""
    found = (await read_orders(world, merchant_id, [order_id])).get(order_id)
    if found is None:
        raise Refused("there is no such order", code="order_unknown", status=404)
    return found


async def read_orders(world: World, merchant_id: str, order_ids: Sequence[UUID]) -> dict[UUID, OrderView]:
    """Orders as they stand, by id, in one round trip however many there are; what the merchant has not is left out."""
    if not order_ids:
        return {}

    async def work(tx: Tx) -> AskedOrders:
        return ask_orders(tx, merchant_id, order_ids)

    asked = await world.database.transaction(work, name="read_order", read_only=True)
    return asked.views(world)


async def read_within(tx: Tx, world: World, merchant_id: str, order_ids: Sequence[UUID]) -> dict[UUID, OrderView]:
    """Orders as the transaction sees them, by id, in one round trip of its own."""
    given = {"merchant_id": merchant_id, "order_ids": sorted(set(order_ids))}
    return _views(world, await tx.all(*((query, given) for query in _OF_ORDERS)))


@dataclass(frozen=True, slots=True)
class AskedOrders:
    """What was asked of orders with the COMMIT of a transaction, and is answered after it: of `_OF_ORDERS` each."""

    answers: tuple[Awaited, ...]

    def views(self, world: World) -> dict[UUID, OrderView]:
        """The orders by id, once the transaction is committed."""
        return _views(world, [each.rows for each in self.answers])


def ask_orders(tx: Tx, merchant_id: str, order_ids: Sequence[UUID]) -> AskedOrders:
    """Ask for orders with the COMMIT, behind whatever the transaction writes; no round trip of its own."""
    given = {"merchant_id": merchant_id, "order_ids": sorted(set(order_ids))}
    return AskedOrders(tuple(tx.read_later(query, **given) for query in _OF_ORDERS))


async def list_orders(
    world: World,
    merchant_id: str,
    *,
    limit: int = 20,
    state: str | None = None,
    payer_reference: str | None = None,
    before: UUID | None = None,
    after: UUID | None = None,
) -> list[OrderView]:
    """Orders, the newest first, at most `limit`."""

    given = {
        "merchant_id": merchant_id, "limit": limit, "state": state, "payer_reference": payer_reference,
        "before": before, "after": after,
    }  # fmt: skip
    [rows] = await read_once(world.database, (VIEWS.list_orders, given), name="list_orders")
    found = [row.order_id for row in rows]
    views = await read_orders(world, merchant_id, found)
    return [views[order_id] for order_id in found if order_id in views]


async def find_by_token(world: World, token: str) -> tuple[str, UUID]:
    """The merchant and order of a link. Raises Refused `link_unknown` (404), the same for every unknown token."""
    merchant_id, bare = merchant_of(token)
    given = {"merchant_id": merchant_id, "token": bare}
    [rows] = await read_once(world.database, (ORDERS.order_by_token, given), name="find_by_token")
    if not rows:
        raise Refused("there is no such link", code="link_unknown", status=404)
    return merchant_id, rows[0].order_id


def merchant_of(token: str) -> tuple[str, str]:
    """Whose link a token would be, and the token without that name. Raises Refused `link_unknown` (404) for what no
    link looks like.
    """
    matched = TOKEN.fullmatch(token)
    if not matched:
        raise Refused("there is no such link", code="link_unknown", status=404)
    return matched[2] or DEFAULT_MERCHANT, matched[1]


async def read_wanted(world: World, merchant_id: str, wanted: Sequence[UUID | str]) -> list[OrderView | None]:
    """Orders of a merchant by id, or by the token of their link without the merchant's name, as many as are wanted in
    at most two round trips; None for those that there are not.
    """
    tokens = sorted({name for name in wanted if isinstance(name, str)})
    order_ids = [name for name in wanted if isinstance(name, UUID)]

    async def work(tx: Tx) -> tuple[AskedOrders, dict[str, UUID]]:
        given = {"merchant_id": merchant_id, "tokens": tokens}
        rows = await tx.rows(ORDERS.orders_by_tokens, **given) if tokens else []
        found: dict[str, UUID] = {row.token: row.order_id for row in rows}
        return ask_orders(tx, merchant_id, [*order_ids, *found.values()]), found

    asked, found = await world.database.transaction(work, name="read_order", read_only=True)
    views = asked.views(world)
    ids = [name if isinstance(name, UUID) else found.get(name) for name in wanted]
    return [None if order_id is None else views.get(order_id) for order_id in ids]


def _views(world: World, answers: Sequence[Sequence[Row]]) -> dict[UUID, OrderView]:
    """Orders from what `_OF_ORDERS` answered."""
    orders, *others = answers
    by_order = [_by_order(rows) for rows in others]
    return {
        row.order_id: _view(world, row, *(rows.get(row.order_id, []) for rows in by_order)) for row in orders
    }  # fmt: skip


def _by_order(rows: Sequence[Row]) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = {}
    for row in rows:
        found.setdefault(row.order_id, []).append(row)
    return found


def link_token(order: OrderView) -> str:
    """The token of the order's links, as `find_by_token` reads it."""
    return order.token if order.merchant_id == DEFAULT_MERCHANT else f"{order.token}-{order.merchant_id}"


def _view(
    world: World,
    row: Row,
    attempts: list[Row],
    effects: list[Row],
    findings: list[Row],
    refunds: list[Row],
    shares: list[Row],
    payments: list[Row],
) -> OrderView:
    return OrderView(
        id=row.order_id, merchant_id=row.merchant_id, reference=row.reference, purpose=row.purpose,
        payer_reference=row.payer_reference, state=row.state, payment=_payment(row, attempts),
        amount_minor=row.amount_minor, currency=row.currency, received_minor=row.received_minor,
        allocated_minor=row.allocated_minor, refunded_minor=row.refunded_minor, disputed_minor=row.disputed_minor,
        counters=Counters(row.charged, row.recorded, row.fulfilled), token=row.token, success_url=row.success_url,
        cancel_url=row.cancel_url, metadata=row.metadata, created_at=row.created_at, opened_at=row.opened_at,
        paid_at=row.paid_at, closed_at=row.closed_at, closed_reason=row.closed_reason, released_at=row.released_at,
        paid_by=row.paid_by, under_review=row.under_review, version=row.version,
        effects=tuple(
            EffectView(e.effect_id, e.kind, e.occasion, e.nature, e.state, e.tries, e.done_at, e.reason) for e in
            effects
        ),
        attempts=tuple(
            AttemptView(
                a.attempt_id, a.number, a.provider, a.account, a.flow, a.state, a.amount_minor, a.handle_ref,
                a.created_at, a.decline, a.expires_at, a.state == "open" and can_leave(world, a.provider, a.account),
            )
            for a in attempts
        ),
        findings=tuple(finding.kind for finding in findings),
        items=tuple(ItemView(*item) for item in row.items),
        refunds=tuple(RefundView(*refund) for refund in refunds),
        payments=tuple(PaymentView(*payment[1:]) for payment in payments),
        payouts=tuple(
            ShareView(
                s.payee, s.share_minor, s.state, s.held_because,
                s.share_minor - (s.reversed_minor or 0), s.payout_number,
            )
            for s in shares
        ),
    )  # fmt: skip


def _payment(row: Row, attempts: list[Row]) -> Payment:
    """What a page shows next to the order's state: how the newest attempt stands, in the payer's words."""
    if row.state == "paid":
        return "paid"
    # An order that merely expired may still be paid by the money that is looked at.
    if row.under_review and (row.state != "closed" or row.closed_reason == EXPIRED):
        return "processing"
    if row.state == "closed":
        return "closed"
    newest: Any = attempts[-1] if attempts else None
    if newest is None:
        return "none"
    if newest.state == "pending":
        return "processing"
    if newest.state == "paid":
        # It brought less than the order asks, and its payer goes on; or all of it was given back.
        return "open" if row.allocated_minor > 0 else "none"
    if newest.state in ("failed", "closed", "abandoned"):
        return "failed" if newest.decline else "open" if row.allocated_minor > 0 else "none"
    if newest.needs_action:
        return "requires_action"
    return "failed" if newest.decline else "open"
