"""What no webhook told is found in the lists: once, wholly, and whatever lists and clocks do meanwhile."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from functools import partial
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pytest

from payonce.base import ids
from payonce.providers.simulator.nowpayments.simulator import NowPaymentsSimulator
from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator
from payonce.providers.transport import Answer, Request, Transport
from payonce.usecases.answers import Checkout, OrderView
from payonce.usecases.backfill import backfill
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.promises.acts import DAY, HOUR, MINUTE, attempts, findings, heal, spoil
from tests.promises.conftest import Build
from tests.promises.soundness import assert_agrees, everything
from tests.support.clocks import HandClock
from tests.support.house import House
from tests.support.parties import nowpayments_seat, stripe_seat, zalopay_seat

AMOUNT = 4500
KEY = (("Authorization", "Bearer sk_test_house_1234567890"),)


@pytest.fixture
def nowpayments(build: Build) -> House:
    """A house at NOWPayments, whose list can be read, paid to an address."""
    return build(seat=partial(nowpayments_seat, flow="payment"))


def paid_unheard(house: House, purpose: str = "fee:1") -> tuple[OrderView, Checkout]:
    """An order that was paid, and of which no webhook told."""
    order = house.place(purpose=purpose, amount_minor=AMOUNT)
    checkout = house.checkout(order)
    assert house.pay(checkout) == "succeeded"
    house.owed_webhooks()
    return order, checkout


def charge(house: House, attempt: str | None = None, *, confirm: bool = True) -> str:
    """Somebody makes a payment at the dashboard: a stranger's, or with the mark of an attempt of ours."""
    wish = {"amount": str(AMOUNT), "currency": "usd"}
    wish |= {"confirm": "true", "payment_method": "pm_card_visa"} if confirm else {}
    wish |= {"metadata[payonce_attempt]": attempt} if attempt else {}
    reply = house.stripe.handle("POST", "/v1/payment_intents", "", KEY, urlencode(wish).encode())
    assert reply.status == 200
    house.owed_webhooks()
    return list(house.stripe.books.intents)[-1]


def cursors(house: House) -> dict[str, Any]:
    """How far each list was read."""
    return dict(house.rows("SELECT list, read_until FROM cursors"))


def test_a_payment_of_which_nobody_told_is_found_in_the_log(house: House) -> None:
    """A11: the log of events tells what the webhook would have told; C15: and it is settled."""
    order, _ = paid_unheard(house)
    did = house.backfill()
    assert house.see(order).state == "paid"
    assert did.applied > 0 and did.silent == 0 and not did.is_behind
    house.clock.move(20 * MINUTE)
    before = everything(house)
    again = house.backfill()
    assert (again.new, again.applied, everything(house)) == (0, 0, before)
    assert again.entries > 0


def test_what_a_webhook_told_is_known_by_the_same_key_and_not_taken_again(house: House) -> None:
    """A6: the log tells the same events under the same keys; nothing of them is stored or counted twice."""
    order = house.place(amount_minor=AMOUNT)
    house.pay(house.checkout(order))
    house.deliver_owed()
    before = everything(house)
    assert house.backfill().new == 0
    assert everything(house) == before


def test_a_list_that_lags_behind_loses_nothing(house: House) -> None:
    """A11: what was missing from a list when it was read is met by the overlap of the next walk."""
    paid_unheard(house, "fee:known")
    house.clock.move(MINUTE)
    house.backfill()
    house.stripe.settings.list_lag = 120.0
    order, _ = paid_unheard(house, "fee:lagging")
    house.clock.move(MINUTE)
    house.backfill()
    assert house.see(order).state == "open"
    house.clock.move(5 * MINUTE)
    house.backfill()
    assert house.see(order).state == "paid"


@pytest.mark.parametrize("kind", ["error_500", "timeout", "bad_json", "rate_limited", "html"])
def test_of_a_list_that_was_not_read_the_cursor_stays_where_it_was(house: House, kind: str) -> None:
    """A11: a read that failed moves no cursor, so that no time is left out."""
    paid_unheard(house, "fee:1")
    house.backfill()
    before = cursors(house)
    house.clock.move(HOUR)
    order, _ = paid_unheard(house, "fee:2")
    house.clock.move(14 * MINUTE)
    spoil(house, "*.list", kind, times=None)
    did = house.backfill()
    assert did.silent == 6 and cursors(house) == before
    assert house.see(order).state == "open"
    house.clock.move(HOUR)
    house.backfill()
    assert set(findings(house)) == {"list_silent"}
    heal(house)
    house.backfill()
    assert (house.see(order).state, findings(house)) == ("paid", [])
    assert all(cursors(house)[name] > before[name] for name in ("events_of_payments", "payment_intents"))


@pytest.mark.parametrize("apart", [0, 7], ids=["in one second", "seconds apart"])
def test_a_day_of_an_account_is_read_in_many_short_runs_and_every_time_of_it_once(build: Build, apart: int) -> None:
    """A10: a run reads a bounded number of pages, so that a switch works; A11: together they leave nothing out."""
    house = build(seat=partial(stripe_seat, flow="payment_intent"))
    orders = []
    for number in range(12):
        orders.append(paid_unheard(house, f"fee:{number}")[0])
        for _ in range(8):
            charge(house)
            house.clock.move(apart)
    house.clock.move(DAY)
    runs = 0
    while (did := house.run(backfill(house.world.for_jobs(), DEFAULT_MERCHANT, 12))).is_behind:
        runs += 1
        assert did.pages <= 12 + 50 and runs < 60
    assert runs > 1 or apart == 0
    assert {house.see(order).state for order in orders} == {"paid"}
    assert_agrees_with_ours(house)
    log = {event.id for event in house.stripe.books.events.values()}
    assert {key for (key,) in house.rows("SELECT event_key FROM events WHERE event_key LIKE 'evt_%%'")} == log
    assert house.rows("SELECT count(*) FROM cursors WHERE resume_at IS NOT NULL") == [(0,)]


def test_a_short_run_gets_on_however_full_the_list_is(build: Build) -> None:
    """A10: a run of two pages finds a window that fits, and reads it; it never begins the same search for ever."""
    house = build(seat=partial(stripe_seat, flow="payment_intent"))
    orders = [paid_unheard(house, f"fee:{number}")[0] for number in range(3)]
    for _ in range(120):
        charge(house)
        house.clock.move(1)
    orders.append(paid_unheard(house, "fee:last")[0])
    house.clock.move(10 * DAY)
    runs = 0
    while (did := house.run(backfill(house.world.for_jobs(), DEFAULT_MERCHANT, 2))).is_behind:
        runs += 1
        assert did.pages < 60 and runs < 60
    assert {house.see(order).state for order in orders} == {"paid"}


def assert_agrees_with_ours(house: House) -> None:
    """Fail unless every capture of ours is in the rows, and nobody else's."""
    theirs = {row.id for rows in house.stripe.truth.captures_by_attempt().values() for row in rows}
    assert {ref for (ref,) in house.rows("SELECT ref FROM captures")} == theirs


def test_the_oldest_payment_is_taken_first(house: House) -> None:
    """C22: of two payments that nobody told of, the first one settles and the second is surplus."""
    order, first = paid_unheard(house)
    house.clock.move(3 * MINUTE)
    second = charge(house, ids.show(ids.ATTEMPT, first.attempt_id))
    house.clock.move(MINUTE)
    house.backfill()
    assert house.see(order).state == "paid"
    assert house.rows("SELECT ref = %s FROM settlements", second) == [(False,)]
    assert findings(house) == ["second_charge"]


class Dated:
    """Between us and the provider: answers say that they were made so many seconds later than they were."""

    ahead = 0.0

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    async def send(self, request: Request) -> Answer:
        answer = await self._inner.send(request)
        made_at = answer.made_at
        assert made_at is not None
        said = formatdate(made_at.timestamp() + self.ahead, usegmt=True)
        return replace(answer, headers=(*(pair for pair in answer.headers if pair[0] != "date"), ("date", said)))


def test_a_clock_of_ours_that_was_ahead_skips_nothing(build: Build) -> None:
    """A11: cursors move by the provider's times, so that a host whose clock jumps leaves no hole."""
    theirs = HandClock()
    house = build(seat=lambda clock: stripe_seat(theirs))

    def move_both(seconds: float) -> None:
        house.clock.move(seconds)
        theirs.move(seconds)

    paid_unheard(house, "fee:1")
    house.clock.move(3 * HOUR)
    house.backfill()
    house.clock.move(-3 * HOUR)
    move_both(MINUTE)
    order, _ = paid_unheard(house, "fee:2")
    move_both(MINUTE)
    house.backfill()
    assert house.see(order).state == "paid"


def test_a_clock_of_theirs_that_was_ahead_skips_nothing(build: Build) -> None:
    """A11: what an answer says of its own time counts no further than our clock agrees."""
    house = build(transport=Dated)
    paid_unheard(house, "fee:1")
    Dated.ahead = 3 * HOUR
    try:
        house.backfill()
    finally:
        Dated.ahead = 0.0
    house.clock.move(MINUTE)
    order, _ = paid_unheard(house, "fee:2")
    house.clock.move(MINUTE)
    house.backfill()
    assert house.see(order).state == "paid"


def test_what_is_old_in_a_quiet_list_is_not_read_for_ever(house: House) -> None:
    """A11: a list in which nothing happens moves on by the time at which the provider told of it."""
    paid_unheard(house)
    house.backfill()
    house.clock.move(2 * HOUR)
    assert house.backfill().entries > 0
    house.clock.move(2 * HOUR)
    quiet = house.backfill()
    assert (quiet.entries, quiet.pages) == (0, 6)
    assert set(cursors(house).values()) == {house.clock.now()}
    order, _ = paid_unheard(house, "fee:later")
    house.clock.move(MINUTE)
    house.backfill()
    assert house.see(order).state == "paid"


def test_an_entry_that_comes_late_into_a_quiet_list_is_met(house: House) -> None:
    """A11: a list that moved on by time is read again by an overlap like every other."""
    house.stripe.settings.list_lag = 600.0
    order, _ = paid_unheard(house, "fee:lagging")
    house.clock.move(5 * MINUTE)
    assert house.backfill().entries == 0
    house.clock.move(6 * MINUTE)
    house.backfill()
    assert house.see(order).state == "paid"


def test_a_walk_that_another_process_overtakes_counts_nothing_twice(build: Build) -> None:
    """A6: two processes that read one list at once end with the rows of one."""
    nested: list[House] = []

    class Between:
        """While one page is on its way, the other process walks all lists."""

        def __init__(self, inner: Transport) -> None:
            self._inner = inner

        async def send(self, request: Request) -> Answer:
            if nested and "/v1/events" in request.url:
                other = nested.pop()
                await backfill(other.world.for_jobs(), DEFAULT_MERCHANT)
            return await self._inner.send(request)

    house = build(transport=Between)
    order, _ = paid_unheard(house)
    nested.append(house)
    house.backfill()
    assert nested == []
    assert house.see(order).state == "paid"
    assert house.rows("SELECT count(*), count(DISTINCT event_key) FROM events")[0][0] == len(
        {key for (key,) in house.rows("SELECT event_key FROM events")}
    )
    assert house.rows("SELECT count(*) FROM settlements") == [(1,)]


def test_other_peoples_payments_of_the_account_are_counted_and_left_alone(house: House) -> None:
    """A11: what carries no mark of ours is nobody's business here: stored as any event, counted, never sent back."""
    paid_unheard(house)
    for _ in range(3):
        charge(house)
    house.clock.move(MINUTE)
    did = house.backfill()
    house.send_refunds()
    assert did.others >= 3
    assert house.rows("SELECT count(*) FROM captures") == [(1,)]
    assert findings(house) == []
    assert house.stripe.truth.refunds_by_id() == {}
    assert house.rows("SELECT sum(entries_of_others) > 0 FROM cursors") == [(True,)]


def test_a_payment_with_a_mark_that_we_do_not_know_is_held_and_a_person_is_told(house: House) -> None:
    """B7: our mark in an attempt that is not recorded, as after a restored backup, is a finding and goes nowhere."""
    paid_unheard(house)
    charge(house, ids.show(ids.ATTEMPT, house.world.ids.new()))
    house.clock.move(MINUTE)
    house.backfill()
    house.send_refunds()
    assert "unknown_attempt" in findings(house)
    assert house.stripe.truth.refunds_by_id() == {}


def test_a_payment_on_an_attempt_that_its_provider_called_closed_is_found(house: House) -> None:
    """C15: the scan finds money on what we take for closed; C22: with no webhook at all."""
    order = house.place(amount_minor=AMOUNT)
    first = house.checkout(order)
    house.clock.move(31 * MINUTE)
    second = house.checkout(order)
    house.stripe.books.sessions[first.provider_ref or ""].status = "open"
    house.pay(first)
    house.pay(second)
    house.owed_webhooks()
    house.clock.move(14 * MINUTE)
    house.backfill()
    house.resolve()
    assert house.see(order).counters.charged == 2
    assert findings(house) == ["second_charge"]
    assert_agrees(house)


def test_the_end_of_a_refund_that_others_made_is_found(house: House) -> None:
    """A11: a refund at the dashboard was told as pending, and the word of its end was lost."""
    order = house.place(amount_minor=AMOUNT)
    checkout = house.checkout(order)
    house.pay(checkout, "pm_card_pendingRefund")
    made = house.stripe.bank.refund(house.stripe.payer.intent(checkout.provider_ref or "").id)
    house.deliver_owed()
    assert house.rows("SELECT status FROM returns") == [("pending",)]
    house.clock.move(3 * DAY)
    house.stripe.bank.end_refund(made, "succeeded")
    house.owed_webhooks()
    house.backfill()
    assert house.rows("SELECT status, returned_minor FROM returns") == [("succeeded", AMOUNT)]
    assert house.see(order).counters.charged == 1


def test_a_second_page_with_the_mark_of_an_open_attempt_is_closed(build: Build) -> None:
    """C23: what nobody wants paid is expired at the provider; B7: an orphan that a person or a lost key made."""
    house = build(seat=partial(stripe_seat, flow="payment_intent"))
    order = house.place(amount_minor=AMOUNT)
    checkout = house.checkout(order)
    orphan = charge(house, ids.show(ids.ATTEMPT, checkout.attempt_id), confirm=False)
    house.clock.move(MINUTE)
    assert house.backfill().closed == 1
    assert house.stripe.books.intents[orphan].status == "canceled"
    assert [row.id for row in house.stripe.truth.payable_now()] == [checkout.provider_ref]
    assert attempts(house, order) == [(1, "open")]
    assert house.pay(checkout) == "succeeded"


def test_what_ended_and_can_be_paid_all_the_same_is_closed_again(house: House) -> None:
    """C23: a session that we call closed, and that its provider opened again, is expired; nobody pays it twice."""
    order = house.place(amount_minor=AMOUNT)
    first = house.checkout(order)
    house.clock.move(31 * MINUTE)
    house.checkout(order)
    house.stripe.books.sessions[first.provider_ref or ""].status = "open"
    house.clock.move(MINUTE)
    assert house.backfill().closed == 1
    assert house.pay(first) == "refused"
    assert attempts(house, order) == [(1, "closed"), (2, "open")]


def test_an_orphan_that_its_provider_does_not_close_is_a_persons_business(build: Build) -> None:
    """B7: what stays payable is a finding, and the finding is gone once it is closed."""
    house = build(seat=partial(stripe_seat, flow="payment_intent"))
    checkout = house.checkout(house.place(amount_minor=AMOUNT))
    orphan = charge(house, ids.show(ids.ATTEMPT, checkout.attempt_id), confirm=False)
    house.clock.move(MINUTE)
    spoil(house, "*.cancel", times=None)
    assert house.backfill().closed == 0
    assert findings(house) == ["orphaned_payment"]
    heal(house)
    house.clock.move(20 * MINUTE)
    assert house.backfill().closed == 1
    assert house.stripe.books.intents[orphan].status == "canceled"
    assert findings(house) == []


def test_what_is_inside_of_a_page_that_can_be_paid_is_no_orphan(house: House) -> None:
    """C23: the intent of an open session belongs to it, declined or not, and is left to its payer."""
    order = house.place(amount_minor=AMOUNT)
    checkout = house.checkout(order)
    assert house.pay(checkout, "pm_card_visa_chargeDeclined") == "declined"
    house.owed_webhooks()
    house.clock.move(MINUTE)
    assert house.backfill().closed == 0
    assert house.pay(checkout) == "succeeded"


def test_a_repeated_deposit_whose_notice_was_lost_is_found_in_the_list(nowpayments: House) -> None:
    """A11: coins that came once more are a payment of their own, which the list shows."""
    party = nowpayments.party
    assert isinstance(party, NowPaymentsSimulator)
    order, checkout = paid_unheard(nowpayments)
    nowpayments.backfill()
    assert nowpayments.see(order).state == "paid"
    nowpayments.clock.move(3 * HOUR)
    party.payer.pay_again(checkout.provider_ref or "")
    nowpayments.owed_webhooks()
    nowpayments.clock.move(MINUTE)
    nowpayments.backfill()
    assert nowpayments.see(order).counters.charged == 2
    assert_agrees(nowpayments)


def test_coins_that_come_after_days_are_found_by_the_scan(nowpayments: House) -> None:
    """C15: a payment that is old changes in place; the scan reads all of its life again."""
    order = nowpayments.place(amount_minor=AMOUNT)
    checkout = nowpayments.checkout(order)
    nowpayments.backfill()
    nowpayments.clock.move(6 * DAY)
    nowpayments.pay(checkout)
    nowpayments.owed_webhooks()
    nowpayments.recover()
    assert nowpayments.see(order).counters.charged == 1
    assert_agrees(nowpayments)


def test_where_nothing_is_listed_what_ended_is_asked_about_one_by_one(build: Build) -> None:
    """C15: at ZaloPay every unpaid attempt is asked about for 48 hours, ended ones too, at growing intervals."""
    house = build(seat=zalopay_seat)
    party = house.party
    assert isinstance(party, ZaloPaySimulator)
    order = house.place(amount_minor=AMOUNT)
    first = house.checkout(order)
    house.clock.move(31 * MINUTE)
    house.checkout(order)
    assert attempts(house, order)[0] == (1, "closed")
    party.books.orders[first.provider_ref or ""].ended = None
    house.pay(first)
    house.owed_webhooks()
    house.clock.move(15 * MINUTE)
    house.recover()
    assert house.see(order).counters.charged == 1
    assert_agrees(house)


def test_an_attempt_is_asked_about_at_growing_intervals_until_its_provider_forgets_it(build: Build) -> None:
    """C15: two dozen questions within 48 hours, one of them after its expiry, and none afterwards."""
    house = build(seat=zalopay_seat)
    order = house.place(amount_minor=AMOUNT)
    house.checkout(order)
    house.clock.move(36 * MINUTE)
    asked = []
    for quarter in range(4 * 60):
        house.clock.move(15 * MINUTE)
        if house.recover().asked.asked:
            asked.append(quarter)
    assert attempts(house, order) == [(1, "closed")]
    assert 8 <= len(asked) <= 24
    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses == sorted(pauses) and asked[-1] <= 4 * 48


def test_an_expiry_is_followed_by_one_more_question(build: Build) -> None:
    """C15: at the end of its life an order is asked about once more, whenever it was asked about last."""
    house = build(seat=zalopay_seat)
    checkout = house.checkout(house.place(amount_minor=AMOUNT))
    house.clock.move(34 * MINUTE)
    assert house.recover().asked.asked == 1
    house.pay(checkout)
    house.owed_webhooks()
    house.clock.move(3 * MINUTE)
    did = house.recover()
    assert (did.asked.asked, did.asked.settled) == (1, 1)


class Restricted:
    """A key that may not read disputes."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    async def send(self, request: Request) -> Answer:
        """Refuse, or pass it on."""
        if "/v1/disputes" in request.url:
            return Answer(403, (), b'{"error":{"type":"invalid_request_error","message":"rak_... may not"}}')
        return await self._inner.send(request)


def test_a_list_that_the_key_may_not_read_is_said_at_once(build: Build) -> None:
    """A11: a restricted key hides one list for ever; a person is told, and the others are read."""
    house = build(transport=Restricted)
    order, _ = paid_unheard(house)
    assert house.backfill().silent == 1
    assert (house.see(order).state, findings(house)) == ("paid", ["list_silent"])


def test_a_log_that_was_not_read_for_longer_than_it_reaches_back_is_said(house: House) -> None:
    """A11: a hole that cannot be filled any more is a finding, and never passed over."""
    paid_unheard(house)
    house.backfill()
    assert findings(house) == []
    house.clock.move(31 * DAY)
    house.backfill()
    assert set(findings(house)) == {"list_hole"}
