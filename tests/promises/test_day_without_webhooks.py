"""A day on which the webhook endpoint is switched off: no notice of any provider arrives, and the jobs do all of it.

Every quarter of an hour what the provider holds for us is compared with the books: what it held a quarter before is
recorded, with the same sums (L1). At the end every order, refund and dispute is as its payer, its merchant and its bank
left it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from payonce.base import ids
from payonce.domain.policy import Policy
from payonce.providers.simulator.nowpayments.simulator import NowPaymentsSimulator
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator
from payonce.usecases.answers import AlreadyPaid, Checkout, OrderView
from tests.promises.acts import MINUTE, findings, intent_of
from tests.promises.conftest import Build
from tests.promises.soundness import assert_agrees
from tests.promises.test_scan import charge
from tests.support.house import House
from tests.support.parties import nowpayments_seat, stripe_seat, zalopay_seat

QUARTERS = 96
AMOUNT = 4500
BANK = "pm_usBankAccount_processing"
SEATS: dict[str, Any] = {
    "stripe": stripe_seat,
    "zalopay": zalopay_seat,
    "nowpayments": partial(nowpayments_seat, flow="payment"),
}
# What somebody does in a quarter of the day, by the name of his order.
Acts = dict[str, dict[int, Callable[["Day", str], Any]]]


class Day:
    """One day at one provider: what was ordered, and the latest page of each order."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.orders: dict[str, OrderView] = {}
        self.pages: dict[str, list[Checkout]] = {}

    def live(self, acts: Acts) -> None:
        """Let the day pass; nobody hears a webhook."""
        before: dict[str, int] = {}
        for quarter in range(QUARTERS):
            for name, plan in acts.items():
                if quarter in plan:
                    plan[quarter](self, name)
                self.house.owed_webhooks()
            self.house.clock.move(15 * MINUTE)
            self._work(quarter)
            ours = dict(self.house.rows("SELECT ref, captured_minor FROM captures"))
            assert {ref: ours.get(ref) for ref in before} == before, f"quarter {quarter}"
            before = self.held()

    def _work(self, quarter: int) -> None:
        """What the jobs do in a quarter of an hour."""
        self.house.owed_webhooks()
        self.house.recover()
        self.house.resolve()
        self.house.retry()
        if quarter % 4 == 3:
            self.house.close_old()
        self.house.send_refunds()

    def held(self) -> dict[str, int]:
        """What came in at the provider, by its own books."""
        rows = self.house.party.truth.captures_by_attempt().values()
        return {one.id: one.amount_minor for captures in rows for one in captures}

    def order(self, name: str) -> None:
        """Order, and get a page."""
        self.orders[name] = self.house.place(purpose=name, amount_minor=AMOUNT)
        self.click(name)

    def click(self, name: str) -> None:
        """Come to pay; whoever has paid is told so."""
        answer = self.house.click(self.orders[name])
        if isinstance(answer, Checkout):
            self.pages.setdefault(name, []).append(answer)
        else:
            assert isinstance(answer, AlreadyPaid), answer

    def state(self, name: str) -> tuple[str, int]:
        """The order's state, and how many payments came for it."""
        seen = self.house.see(self.orders[name])
        return seen.state, seen.counters.charged


def _orders_and(*acts: Callable[[Day, str], Any]) -> Callable[[Day, str], Any]:
    return lambda day, name: [act(day, name) for act in (Day.order, *acts)]


def _pays(*how: Any, page: int = -1) -> Callable[[Day, str], Any]:
    return lambda day, name: day.house.pay(day.pages[name][page], *how)


def _bank(verb: str, *values: Any) -> Callable[[Day, str], Any]:
    return lambda day, name: getattr(day.house.stripe.bank, verb)(intent_of(day.house, day.pages[name][0]), *values)


def _ends(kind: str, verb: str, *values: Any) -> Callable[[Day, str], Any]:
    """The bank ends the refund or the dispute of the order's payment."""

    def act(day: Day, name: str) -> None:
        rows = getattr(day.house.stripe.books, kind).values()
        [made] = [row.id for row in rows if row.payment_intent == intent_of(day.house, day.pages[name][0])]
        getattr(day.house.stripe.bank, verb)(made, *values)

    return act


def _reopened(day: Day, name: str) -> None:
    """The provider takes money by the first page after all, though it had called it closed."""
    ref, party = day.pages[name][0].provider_ref or "", day.house.party
    if isinstance(party, StripeSimulator):
        party.books.sessions[ref].status = "open"
    elif isinstance(party, ZaloPaySimulator):
        party.books.orders[ref].ended = None
    assert day.house.pay(day.pages[name][0]) == "succeeded"


def _by_telephone(day: Day, name: str) -> None:
    charge(day.house, ids.show(ids.ATTEMPT, day.pages[name][0].attempt_id))


def _stale_and(*acts: Callable[[Day, str], Any]) -> Callable[[Day, str], Any]:
    """Half an hour and a minute after the first page, while that one could still be paid by its own clock."""

    def act(day: Day, name: str) -> None:
        day.house.clock.move(MINUTE)
        for each in acts:
            each(day, name)

    return act


STRIPE: Acts = {
    "paid": {0: _orders_and(_pays())},
    "declined": {1: _orders_and(_pays("pm_card_visa_chargeDeclined")), 2: _pays()},
    "debit": {2: _orders_and(_pays(BANK)), 30: _bank("settle_debit", True)},
    "debit fails": {2: _orders_and(_pays(BANK)), 31: _bank("settle_debit", False)},
    "refunded": {3: _orders_and(_pays()), 40: _bank("refund")},
    "part on its way": {
        4: _orders_and(_pays("pm_card_pendingRefund")),
        41: _bank("refund", 1000),
        70: _ends("refunds", "end_refund", "succeeded"),
    },
    "returned by the bank": {
        5: _orders_and(_pays()),
        42: _bank("refund", 2000),
        75: _ends("refunds", "end_refund", "failed"),
    },
    "disputed and won": {
        6: _orders_and(_pays()),
        20: _bank("open_dispute"),
        60: _ends("disputes", "close_dispute", "won"),
    },
    "disputed and lost": {
        7: _orders_and(_pays()),
        21: _bank("open_dispute"),
        61: _ends("disputes", "close_dispute", "lost"),
    },
    "late": {8: _orders_and(), 40: _reopened},
    "second page": {9: _orders_and(), 12: Day.click, 13: _pays(), 14: _reopened},
    "by telephone": {10: _orders_and(_pays()), 50: _by_telephone},
    "never": {11: _orders_and()},
}
ZALOPAY: Acts = {
    "paid": {0: _orders_and(_pays())},
    "declined": {
        1: _orders_and(lambda day, name: day.house.party.payer.decline(day.pages[name][0].provider_ref)), 2: _pays(),  # type: ignore[attr-defined]
    },
    "slowly": {
        2: _orders_and(lambda day, name: day.house.party.payer.pay_slowly(day.pages[name][0].provider_ref)),  # type: ignore[attr-defined]
        9: lambda day, name: day.house.party.payer.settle(day.pages[name][0].provider_ref),  # type: ignore[attr-defined]
    },
    "second page": {3: _orders_and(), 5: _stale_and(Day.click, _pays(), _reopened)},
    "in the last minute": {5: _orders_and(), 7: _pays()},
    "never": {11: _orders_and()},
}  # fmt: skip
NOWPAYMENTS: Acts = {
    "paid": {0: _orders_and(_pays())},
    "less": {1: _orders_and(_pays("less"))},
    "again": {
        2: _orders_and(_pays()),
        30: lambda day, name: day.house.party.payer.pay_again(day.pages[name][0].provider_ref),  # type: ignore[attr-defined]
    },
    "late": {3: _orders_and(), 60: _pays()},
    "refunded": {
        4: _orders_and(_pays()),
        50: lambda day, name: day.house.party.dashboard.refund(day.pages[name][0].provider_ref),  # type: ignore[attr-defined]
    },
    "too little": {5: _orders_and(_pays(Decimal("0.01")))},
    "never": {6: _orders_and()},
}


@pytest.fixture(params=SEATS)
def day(request: pytest.FixtureRequest, build: Build) -> Day:
    """A day at each provider, where orders that nobody pays are closed after two hours."""
    house = build(seat=SEATS[request.param], policy=Policy(close_after=timedelta(hours=2)))
    assert isinstance(house.party, StripeSimulator | ZaloPaySimulator | NowPaymentsSimulator)
    return Day(house)


DAYS = {"stripe": STRIPE, "zalopay": ZALOPAY, "nowpayments": NOWPAYMENTS}
ENDS: dict[str, dict[str, tuple[str, int]]] = {
    "stripe": {
        "paid": ("paid", 1), "declined": ("paid", 1), "debit": ("paid", 1), "debit fails": ("closed", 0),
        "refunded": ("paid", 1), "part on its way": ("paid", 1), "returned by the bank": ("paid", 1),
        "disputed and won": ("paid", 1), "disputed and lost": ("paid", 1), "late": ("paid", 1),
        "second page": ("paid", 2), "by telephone": ("paid", 2), "never": ("closed", 0),
    },
    "zalopay": {
        "paid": ("paid", 1), "declined": ("paid", 1), "slowly": ("paid", 1), "second page": ("paid", 2),
        "in the last minute": ("paid", 1), "never": ("closed", 0),
    },
    "nowpayments": {
        "paid": ("paid", 1), "less": ("closed", 1), "again": ("paid", 2), "late": ("paid", 1), "refunded": ("paid", 1),
        "too little": ("closed", 0), "never": ("closed", 0),
    },
}  # fmt: skip


def test_of_a_day_without_webhooks_everything_is_settled_within_a_quarter_of_an_hour(day: Day) -> None:
    """C15: every success is found and settled; A11: refunds and disputes too; A1: no order stays stuck."""
    acts = DAYS[day.house.provider]
    day.live(acts)
    assert {name: day.state(name) for name in acts} == ENDS[day.house.provider]
    assert_agrees(day.house)
    assert day.house.rows("SELECT count(*) FROM events WHERE source = 'webhook'") == [(0,)]
    assert day.house.rows("SELECT state FROM events WHERE state NOT IN ('applied', 'ignored')") == []
    assert day.house.party.truth.payable_attempts() == set() or day.house.provider == "nowpayments"
    assert "job_trouble" not in findings(day.house)
    if isinstance(day.house.party, StripeSimulator):
        _assert_returns(day)


def _assert_returns(day: Day) -> None:
    """Every refund and dispute of the provider's books is in the rows as it is there."""
    books = day.house.stripe.books
    refunds = {row.id: row.status for row in books.refunds.values()}
    disputes = {row.id: row.status for row in books.disputes.values()}
    assert dict(day.house.rows("SELECT ref, status FROM returns")) == refunds | disputes
