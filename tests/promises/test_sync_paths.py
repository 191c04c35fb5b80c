"""Everything that a webhook can tell has a sync path that finds it without the webhook.

Each handled event is brought about twice: in a house that hears of it, and in one whose webhooks are all lost. A
quarter of an hour of jobs later both have the same books. A type that an adapter handles, and that nobody brings about
here, fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any

import pytest

from payonce.providers.simulator.nowpayments.simulator import NowPaymentsSimulator
from payonce.usecases.answers import Checkout
from tests.promises.acts import DAY, MINUTE, intent_of
from tests.promises.conftest import Build
from tests.support.clocks import HandClock
from tests.support.house import House
from tests.support.parties import SEATS, nowpayments_seat, stripe_seat, zalopay_seat

AMOUNT = 4500
BANK = "pm_usBankAccount_processing"
KEY = (("Authorization", "Bearer sk_test_house_1234567890"),)
Act = Callable[[House, Checkout], object]
SEATINGS: dict[str, Any] = {
    "stripe session": stripe_seat,
    "stripe intent": partial(stripe_seat, flow="payment_intent"),
    "zalopay": zalopay_seat,
    "nowpayments": partial(nowpayments_seat, flow="payment"),
}


@dataclass(frozen=True, slots=True)
class Story:
    """How an event comes about, from a fresh checkout on. `takes`: seconds that have to pass for it."""

    seat: str
    type: str
    act: Act
    takes: int = 0


def _pay(*how: Any) -> Act:
    return lambda house, checkout: house.pay(checkout, *how)


def _then(*acts: Act) -> Act:
    return lambda house, checkout: [act(house, checkout) for act in acts]


def _bank(name: str, *values: Any) -> Act:
    """Something that the bank does with the payment."""
    return lambda house, checkout: getattr(house.stripe.bank, name)(intent_of(house, checkout), *values)


def _made(house: House, checkout: Checkout, kind: str) -> str:
    """The refund or dispute of the payment."""
    rows = getattr(house.stripe.books, kind).values()
    [made] = [row.id for row in rows if row.payment_intent == intent_of(house, checkout)]
    return str(made)


def _ends_refund(status: str) -> Act:
    return lambda house, checkout: house.stripe.bank.end_refund(_made(house, checkout, "refunds"), status)


def _dispute(name: str, *values: Any) -> Act:
    return lambda house, checkout: getattr(house.stripe.bank, name)(_made(house, checkout, "disputes"), *values)


def _by_hand(verb: str) -> Act:
    """Somebody at the dashboard captures or cancels the intent."""

    def act(house: House, checkout: Checkout) -> None:
        path = f"/v1/payment_intents/{checkout.provider_ref}/{verb}"
        assert house.stripe.handle("POST", path, "", KEY, b"").status == 200

    return act


def _manual(house: House, checkout: Checkout) -> None:
    house.stripe.books.intents[checkout.provider_ref or ""].capture_method = "manual"


def _part(house: House, checkout: Checkout) -> None:
    """A transfer brings a part of the amount."""
    intent = house.stripe.books.intents[checkout.provider_ref or ""]
    intent.amount_received = AMOUNT // 3
    house.stripe.books.write("payment_intent.partially_funded", intent)


def _coins(house: House) -> NowPaymentsSimulator:
    assert isinstance(house.party, NowPaymentsSimulator)
    return house.party


def _slowly(house: House, checkout: Checkout) -> None:
    _coins(house).settings.step_seconds = 10 * MINUTE


def _at_dashboard(verb: str) -> Act:
    return lambda house, checkout: getattr(_coins(house).dashboard, verb)(checkout.provider_ref or "")


def _nothing(house: House, checkout: Checkout) -> None:
    """The checkout alone brings it about."""


_PAYS, _REFUNDS = _pay("pm_card_visa"), _bank("refund")
_PENDS = _then(_pay("pm_card_pendingRefund"), _REFUNDS)
_DISPUTES, _INQUIRES = _bank("open_dispute"), _bank("open_dispute", None, "fraudulent", "warning_needs_response")

STORIES = (
    Story("stripe intent", "payment_intent.created", _nothing),
    Story("stripe intent", "payment_intent.requires_action", _pay("pm_card_authenticationRequired")),
    Story("stripe intent", "payment_intent.processing", _pay(BANK)),
    Story("stripe intent", "payment_intent.amount_capturable_updated", _then(_manual, _PAYS)),
    Story("stripe intent", "payment_intent.partially_funded", _part),
    Story("stripe intent", "payment_intent.succeeded", _PAYS),
    Story("stripe intent", "payment_intent.payment_failed", _pay("pm_card_visa_chargeDeclined")),
    Story("stripe intent", "payment_intent.canceled", _by_hand("cancel")),
    Story("stripe session", "checkout.session.completed", _PAYS),
    Story("stripe session", "checkout.session.async_payment_succeeded", _then(_pay(BANK), _bank("settle_debit", True))),
    Story("stripe session", "checkout.session.async_payment_failed", _then(_pay(BANK), _bank("settle_debit", False))),
    Story("stripe session", "checkout.session.expired", _nothing, takes=36 * MINUTE),
    Story("stripe intent", "charge.pending", _pay(BANK)),
    Story("stripe session", "charge.succeeded", _PAYS),
    Story("stripe intent", "charge.captured", _then(_manual, _PAYS, _by_hand("capture"))),
    Story("stripe session", "charge.failed", _pay("pm_card_visa_chargeDeclined")),
    Story("stripe session", "charge.refunded", _then(_PAYS, _REFUNDS)),
    Story("stripe session", "charge.refund.updated", _then(_PENDS, _ends_refund("succeeded"))),
    Story("stripe session", "refund.created", _PENDS),
    Story("stripe intent", "refund.updated", _then(_PENDS, _ends_refund("succeeded"))),
    Story("stripe session", "refund.failed", _then(_PAYS, _REFUNDS, _ends_refund("failed"))),
    Story("stripe session", "charge.dispute.created", _then(_PAYS, _INQUIRES)),
    Story("stripe session", "charge.dispute.updated", _then(_PAYS, _INQUIRES, _dispute("escalate_dispute"))),
    Story("stripe session", "charge.dispute.closed", _then(_PAYS, _DISPUTES, _dispute("close_dispute", "lost"))),
    Story("stripe session", "charge.dispute.funds_withdrawn", _then(_PAYS, _DISPUTES)),
    Story(
        "stripe session", "charge.dispute.funds_reinstated",
        _then(_PAYS, _DISPUTES, _dispute("close_dispute", "won")),
    ),
    Story("zalopay", "order", _pay()),
    Story("nowpayments", "payment.waiting", _nothing),
    Story("nowpayments", "payment.partially_paid", _pay("less")),
    Story("nowpayments", "payment.finished", _pay()),
    Story("nowpayments", "payment.failed", _pay(Decimal("0.01"))),
    Story("nowpayments", "payment.refunded", _then(_pay(), _at_dashboard("refund"))),
    Story("nowpayments", "payment.cancelled", _at_dashboard("cancel")),
    Story("nowpayments", "payment.confirming", _then(_slowly, _pay())),
    Story("nowpayments", "payment.confirmed", _then(_slowly, _pay()), takes=11 * MINUTE),
    Story("nowpayments", "payment.sending", _then(_slowly, _pay()), takes=21 * MINUTE),
    Story("nowpayments", "payment.expired", _nothing, takes=7 * DAY + MINUTE),
)  # fmt: skip
# Stories of one seat that take equally long are told in one house.
TOLD_TOGETHER = {
    f"{seat}, {takes} s": tuple(told)
    for (seat, takes), told in groupby(
        sorted(STORIES, key=lambda story: (story.seat, story.takes)), key=lambda story: (story.seat, story.takes)
    )
}


def test_every_event_that_an_adapter_handles_is_brought_about_here() -> None:
    """A11: a type that is handled and has no story here fails; so does a story that nobody handles."""
    handled = {
        (provider, kind)
        for provider, seat in SEATS.items()
        for kind in seat(HandClock()).adapter.capabilities.handled_events
    }
    assert {(story.seat.partition(" ")[0], story.type) for story in STORIES} == handled


def _tell(house: House, stories: tuple[Story, ...], *, is_deaf: bool) -> set[str]:
    """Let the stories happen, and the jobs run for a quarter of an hour; the types of event that were heard."""
    heard: set[str] = set()
    for story in stories:
        checkout = house.checkout(house.place(purpose=story.type, amount_minor=AMOUNT))
        story.act(house, checkout)
        heard |= _hear(house, is_deaf=is_deaf)
    house.clock.move(stories[0].takes)
    heard |= _hear(house, is_deaf=is_deaf)
    for minute in range(0, 16, 5):
        house.clock.move(5 * MINUTE)
        _hear(house, is_deaf=is_deaf)
        house.backfill()
        if minute == 5:
            house.recover()
        house.resolve()
        house.retry()
    return heard


def _hear(house: House, *, is_deaf: bool) -> set[str]:
    owed = house.owed_webhooks()
    if is_deaf:
        return set()
    heard = {received.type for received in house.deliver(owed)}
    house.retry()
    return heard


def _books(house: House) -> dict[str, dict[str, list[Any]]]:
    """All that matters, by the purpose of its order and without ids."""
    found: dict[str, dict[str, list[Any]]] = {}
    for what, columns, table in (
        ("order", "o.state, o.closed_reason, o.received_minor, o.allocated_minor", ""),
        ("what went back", "o.refunded_minor, o.disputed_minor", ""),
        ("attempts", "t.number, t.state, t.needs_action, t.decline", "attempts"),
        ("captures", "t.kind, t.captured_minor, t.allocated_minor, t.surplus_minor", "captures"),
        ("returns", "t.nature, t.kind, t.status, t.amount_minor, t.returned_minor", "returns"),
        ("effects", "t.kind, t.occasion", "effects"),
        ("findings", "t.kind, t.state, t.money_minor", "findings"),
        ("settlements", "t.amount_minor, t.currency", "settlements"),
        ("postings", "p.account, sum(p.amount_minor)", "entries"),
    ):
        join = f"JOIN {table} AS t ON t.order_id = o.order_id" if table else ""
        join += " JOIN postings AS p ON p.entry_id = t.entry_id" if table == "entries" else ""
        group = "GROUP BY o.purpose, p.account" if table == "entries" else ""
        for purpose, *row in house.rows(f"SELECT o.purpose, {columns} FROM orders AS o {join} {group}"):
            found.setdefault(purpose, {}).setdefault(what, []).append(row)
    return {purpose: {what: sorted(rows, key=repr) for what, rows in parts.items()} for purpose, parts in found.items()}


@pytest.fixture(params=TOLD_TOGETHER)
def stories(request: pytest.FixtureRequest) -> tuple[Story, ...]:
    """Stories that are told in one house."""
    return TOLD_TOGETHER[request.param]


def test_of_what_no_webhook_told_the_books_say_the_same_a_quarter_of_an_hour_later(
    stories: tuple[Story, ...], build: Build
) -> None:
    """A11: a house that hears nothing ends with the books of one that hears everything; C15: within 15 minutes."""
    hearing, deaf = build(seat=SEATINGS[stories[0].seat]), build(seat=SEATINGS[stories[0].seat])
    heard = _tell(hearing, stories, is_deaf=False)
    _tell(deaf, stories, is_deaf=True)
    assert {story.type for story in stories} <= heard
    told, found = _books(hearing), _books(deaf)
    assert {name: found[name] for name in found if found[name] != told[name]} == {
        name: told[name] for name in told if found[name] != told[name]
    }
    assert set(told) == set(found) == {story.type for story in stories}
