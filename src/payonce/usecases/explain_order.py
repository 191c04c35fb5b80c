"""Explain an order: what happened to it, in order and in words, and what will happen next. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from payonce.base import money
from payonce.base.money import show
from payonce.domain.attempt import LIVE
from payonce.domain.finding import KINDS
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.answers import OrderView
from payonce.usecases.explain_money import payment_in_words
from payonce.usecases.list_events import EventView, list_events
from payonce.usecases.list_findings import FindingView, list_findings
from payonce.usecases.read_order import read_order
from payonce.usecases.refund_words import in_words
from payonce.usecases.world import World

VIEWS: Final = queries.load("views")
CHECKS: Final = queries.load("checks")
# More than an order ever has, unless something goes round in circles.
MOST_LINES: Final = 500

Lane = Literal["order", "attempt", "money", "event", "effect", "finding", "refund"]
# Findings of money that serves nothing: while a refund of it is under way nobody has to do anything.
_SURPLUS: Final = frozenset({"second_charge", "over_payment", "late_payment"})
_UNDER_WAY: Final = frozenset({"due", "sending", "sent"})


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    at: datetime
    lane: Lane
    says: str


@dataclass(frozen=True, slots=True)
class Story:
    """An order with its story: a sentence, the lines in order, and what comes next."""

    order: OrderView
    sentence: str
    lines: tuple[Line, ...]
    next_step: str


async def explain_order(world: World, merchant_id: str, order_id: UUID) -> Story:
    """The story of the order. Raises Refused `order_unknown` (404)."""
    order = await read_order(world, merchant_id, order_id)
    events = await list_events(world, merchant_id, order_id=order_id, limit=MOST_LINES)
    findings = await list_findings(world, merchant_id, order_id=order_id, limit=MOST_LINES)
    steps = await _steps(world, merchant_id, order)
    told = [*_lines(order, steps, events, findings), *await _repeats(world, merchant_id, order)]
    lines = sorted(told, key=lambda line: line.at)
    return Story(order, _sentence(order), tuple(lines), _next(order, findings))


async def _repeats(world: World, merchant_id: str, order: OrderView) -> list[Line]:
    """How often the provider told the same again (E14); nothing where it never did."""

    async def work(tx: Tx) -> Row | None:
        return await tx.one(CHECKS.repeats_of_order, merchant_id=merchant_id, order_id=order.id)

    row = await world.database.transaction(work, name="explain_order", read_only=True)
    if row is None or row.repeats == 0:
        return []
    says = f"told again {row.repeats} times since {row.first_at:%Y-%m-%d}, which changed nothing"
    return [Line(row.last_at, "event", says)]


async def _steps(world: World, merchant_id: str, order: OrderView) -> list[Row]:
    attempts, effects = [each.id for each in order.attempts], [each.id for each in order.effects]
    subjects = [order.id, *attempts, *effects, *(each.id for each in order.refunds)]

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(VIEWS.show_audit, merchant_id=merchant_id, subject_ids=subjects)

    return await world.database.transaction(work, name="explain_order", read_only=True)


def _lines(
    order: OrderView, steps: Iterable[Row], events: Iterable[EventView], findings: Iterable[FindingView]
) -> Iterable[Line]:
    amount = money.show(order.amount_minor, order.currency)
    yield Line(order.created_at, "order", f"placed: {amount} for {order.purpose}")
    numbers = {each.id: f"attempt {each.number}" for each in order.attempts}
    kinds = {each.id: each.kind for each in order.effects}
    for attempt in order.attempts:
        where = f"{attempt.provider} {attempt.flow} {attempt.provider_ref or ''}".strip()
        yield Line(attempt.created_at, "attempt", f"attempt {attempt.number} begun: {where}")
    for payment in order.payments:
        yield Line(payment.captured_at, "money", payment_in_words(payment))
    for number, refund in enumerate(order.refunds, 1):
        sum_of = money.show(refund.amount_minor, refund.currency)
        asked = f"{sum_of} of the {refund.serves}, {refund.reason}, asked by {refund.asked_by}"
        yield Line(refund.created_at, "refund", f"refund {number} written: {asked}")
    backs = {each.id: f"refund {number}" for number, each in enumerate(order.refunds, 1)}
    for step in steps:
        lanes: tuple[tuple[Lane, dict[UUID, str]], ...] = (("attempt", numbers), ("effect", kinds), ("refund", backs))
        found = ((lane, names[step.subject_id]) for lane, names in lanes if step.subject_id in names)
        unnamed: tuple[Lane, str] = ("order", "its stock" if step.subject == "reservation" else "the order")
        lane, who = next(found, unnamed)
        yield Line(step.at, lane, f"{who}: {step.source} → {step.target} ({step.event}, {step.cause})")
    for event in events:
        yield Line(event.received_at, "event", f"{event.type} by {event.source}: {event.state}, {event.reason}")
    for finding in findings:
        yield Line(finding.first_seen_at, "finding", f"{finding.kind} ({finding.state}): {KINDS[finding.kind].means}")


def _sentence(order: OrderView) -> str:
    counters = order.counters
    counted = f"charged {counters.charged}, recorded {counters.recorded}, fulfilled {counters.fulfilled}"
    if order.state == "paid":
        by = f" through {order.paid_by}" if order.paid_by else ""
        how = f"Paid at {order.paid_at:%Y-%m-%d %H:%M:%S} UTC{by}"
    elif order.state == "closed":
        how = f"Closed at {order.closed_at:%Y-%m-%d %H:%M:%S} UTC because it was {order.closed_reason}"
    elif order.state == "waiting":
        how = "Waiting until the order before it is closed"
    else:
        live = next((each for each in order.attempts if each.state in LIVE), None)
        how = f"Open; attempt {live.number} is {live.state}" if live else "Open; nobody has begun to pay it"
        if order.allocated_minor:
            came, asked = show(order.allocated_minor, order.currency), show(order.amount_minor, order.currency)
            how = f"Open; {came} of {asked} came" + (f"; attempt {live.number} is {live.state}" if live else "")
    return " ".join([f"{how}; {counted}.", *(f"{_begun(in_words(refund))}." for refund in order.refunds)])


def _begun(words: str) -> str:
    """The words as the beginning of a sentence."""
    return words[0].upper() + words[1:]


def _next(order: OrderView, findings: Iterable[FindingView]) -> str:
    on_its_way = [refund for refund in order.refunds if refund.state in _UNDER_WAY]
    waiting = [
        finding for finding in findings
        # What nobody minds, and what merely is worth knowing, is no next step.
        if finding.state not in ("resolved", "ignored") and finding.severity != "notice"
        and not (on_its_way and finding.kind in _SURPLUS)
    ]  # fmt: skip
    if waiting:
        return f"Somebody should {KINDS[waiting[0].kind].next_step} ({waiting[0].kind})."
    if on_its_way:
        return "The worker sends the money back, and follows it until it arrived."
    owed = [effect for effect in order.effects if effect.state in ("pending", "claimed", "failed")]
    if owed:
        return f"The worker delivers {', '.join(sorted({effect.kind for effect in owed}))}."
    if order.state == "paid":
        return "Nothing: it is paid and everything that it owes is done."
    if order.state == "closed":
        return "Nothing, unless its payer comes back or a late payment arrives."
    if any(attempt.state in LIVE for attempt in order.attempts):
        return "The payer pays, or the attempt is replaced or closed when its time is over."
    return "The payer opens the payment link."
