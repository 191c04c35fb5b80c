"""A provider's own money records against ours, day by day: each difference is named, what is missing is settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from payonce.base import ids
from payonce.base.errors import Bug
from payonce.drivers.failures import ConnectionCut
from payonce.drivers.transaction import Moment
from payonce.usecases.reconcile import Scope
from payonce.usecases.tell import join_all
from tests.promises.acts import DAY, HOUR, MINUTE, findings, heal, spoil
from tests.promises.conftest import Build
from tests.promises.reconciling import (
    FIRST,
    again,
    at_risk,
    lines,
    paid,
    pay_unasked,
    run,
    state_of_it_all,
    sums,
    transaction_of,
    windows,
    write_twice,
)
from tests.support.house import House


def test_what_both_sides_say_matches_and_leaves_no_line(house: House) -> None:
    """B7: the usual day, with what the provider kept of it."""
    paid(house)
    house.clock.move(DAY)
    did = run(house)
    assert (did.settled, did.found, did.silent, lines(house), findings(house)) == (0, 0, {}, [], [])
    assert windows(house) == [(FIRST, "closed", 1)]
    assert sums(house) == [(FIRST, "USD", 4500, 161, 0, 0, 4339)]


def test_a_payment_whose_every_word_was_lost_is_settled_by_the_usual_path(house: House) -> None:
    """B7: an orphaned payment is found; it is asked about, and settles its order once."""
    order = house.place()
    house.pay(house.checkout(order))
    house.owed_webhooks()
    house.clock.move(DAY)
    did = run(house)
    assert (did.settled, house.see(order).state, house.see(order).counters.recorded) == (1, "paid", 1)
    assert (lines(house), findings(house)) == ([], [])
    assert lines(house, "resolved") == [("only_there", 4500, None)]
    assert house.rows("SELECT source, type, state FROM events WHERE type = 'reconcile'") == [
        ("poll", "reconcile", "applied")
    ]


def test_a_second_payment_that_only_the_provider_has_goes_back(house: House) -> None:
    """X6: the surplus policy decides about what reconciliation finds, as about all money."""
    order, _ = paid(house)
    attempt = ids.show(ids.ATTEMPT, house.see(order).attempts[0].id)
    pay_unasked(house, 4500, {"payonce_attempt": attempt}, "second")
    house.clock.move(DAY)
    assert run(house).settled == 1
    assert lines(house, "resolved") == [("duplicate", 4500, None)]
    house.send_refunds()
    assert house.see(order).counters.recorded == 1
    assert [refund.amount for refund in house.stripe.books.refunds.values()] == [4500]
    house.clock.move(DAY)
    run(house)
    assert windows(house) == [(FIRST, "closed", 2), (FIRST + timedelta(days=1), "closed", 1)]
    assert (lines(house), sums(house)[1][4]) == ([], -4500)


def test_money_that_only_we_have_is_a_finding_until_it_is_there(house: House) -> None:
    """B7: what the provider's books do not have is named with the money, and resolves itself."""
    order, intent = paid(house)
    gone = transaction_of(house, intent)
    del house.stripe.books.transactions[gone.id]
    house.clock.move(DAY)
    run(house)
    assert lines(house) == [("only_here", None, 4500)]
    assert at_risk(house) == [("reconcile_only_here", 4500, "open")]
    assert house.rows("SELECT order_id FROM findings") == [(order.id,)]
    house.stripe.books.transactions[gone.id] = gone
    house.clock.move(DAY)
    run(house)
    assert (lines(house), at_risk(house)) == ([], [("reconcile_only_here", 4500, "resolved")])


def test_another_amount_is_a_finding_with_the_difference_at_risk(house: House) -> None:
    """B7: both have it, and not the same."""
    _, intent = paid(house)
    row = transaction_of(house, intent)
    house.stripe.books.transactions[row.id] = replace(row, amount=4000)
    house.stripe.books.charges[row.source].amount_captured = 4000
    house.clock.move(DAY)
    run(house)
    assert (lines(house), at_risk(house)) == ([("differs", 4000, 4500)], [("reconcile_differs", 500, "open")])


def test_another_currency_is_a_difference_whatever_the_number(house: House) -> None:
    """B17: an amount is nothing without its currency."""
    _, intent = paid(house)
    house.stripe.books.charges[transaction_of(house, intent).source].currency = "eur"
    house.clock.move(DAY)
    run(house)
    assert lines(house) == [("differs", 4500, 4500)]


def test_one_payment_twice_in_the_providers_books_is_a_duplicate(house: House) -> None:
    """C18: the payer may have been charged twice under one name."""
    _, intent = paid(house)
    write_twice(house, intent)
    house.clock.move(DAY)
    run(house)
    assert (lines(house), at_risk(house)) == ([("duplicate", 9000, 4500)], [("reconcile_duplicate", 4500, "open")])


def test_money_of_an_attempt_that_is_not_known_here_is_held_and_never_refunded(house: House) -> None:
    """B7: our mark on money that no row explains, as after a restored backup."""
    paid(house)
    lost = ids.show(ids.ATTEMPT, house.world.ids.new())
    pay_unasked(house, 700, {"payonce_attempt": lost}, "lost")
    house.clock.move(DAY)
    run(house)
    house.send_refunds()
    assert (lines(house), at_risk(house)) == ([("only_there", 700, None)], [("reconcile_only_there", 700, "open")])
    assert house.stripe.books.refunds == {}


def test_what_others_take_through_the_account_is_counted_and_nothing_else(house: House) -> None:
    paid(house)
    pay_unasked(house, 900, {"shop": "another"}, "another")
    house.clock.move(DAY)
    run(house)
    assert (lines(house), findings(house)) == ([], [])
    assert house.rows("SELECT matched, foreign_records FROM reconcile_windows") == [(1, 1)]


def test_near_midnight_a_difference_waits_and_becomes_what_it_is_later(house: House) -> None:
    """B7: what the provider's list shows a moment late is no difference yet."""
    house.clock.instant = datetime(2026, 11, 20, 23, 59, 50, tzinfo=UTC)
    paid(house)
    house.stripe.settings.list_lag = HOUR
    house.clock.instant = datetime(2026, 11, 21, 0, 10, tzinfo=UTC)
    run(house)
    assert (lines(house), findings(house), windows(house)) == (
        [("timing", None, 4500)], [], [(FIRST, "provisional", 0)]
    )  # fmt: skip
    house.clock.instant = datetime(2026, 11, 21, 2, 10, tzinfo=UTC)
    run(house)
    assert (lines(house), windows(house)) == ([], [(FIRST, "closed", 1)])
    assert lines(house, "resolved") == [("timing", None, 4500)]


def test_what_stands_on_the_other_side_of_midnight_matches(house: House) -> None:
    """B7: the provider counts it to one day, and we heard of it on the next."""
    house.clock.instant = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
    house.pay(house.checkout(house.place()))
    house.clock.move(2)
    house.deliver_owed()
    house.clock.move(DAY + 3 * HOUR)
    run(house)
    assert (lines(house), windows(house)) == (
        [], [(FIRST, "closed", 1), (FIRST + timedelta(days=1), "closed", 0)]
    )  # fmt: skip


def test_sums_stand_apart_by_currency_and_keep_its_decimals(house: House) -> None:
    """B17: dollars, euros, and yen that have no decimals."""
    paid(house, "fee:1", 4500)
    paid(house, "fee:2", 1000, currency="EUR")
    paid(house, "fee:3", 1200, currency="JPY")
    house.clock.move(DAY)
    run(house)
    assert lines(house) == []
    assert [(currency, gross, net) for _, currency, gross, _, _, _, net in sums(house)] == [
        ("EUR", 1000, 941), ("JPY", 1200, 1135), ("USD", 4500, 4339),
    ]  # fmt: skip


def test_refunds_and_disputes_match_over_the_days_that_they_take(house: House) -> None:
    """B10: a refund that fails and a dispute that is won two days later leave no difference on any day."""
    (_, refunded), (_, disputed) = paid(house, "fee:1"), paid(house, "fee:2", 6000)
    house.clock.move(DAY)
    refund, dispute = house.stripe.bank.refund(refunded, 1500), house.stripe.bank.open_dispute(disputed)
    house.deliver_owed()
    house.clock.move(DAY)
    assert run(house).found == 0
    house.stripe.bank.end_refund(refund, "failed")
    house.stripe.bank.close_dispute(dispute, "won")
    house.deliver_owed()
    house.clock.move(DAY)
    assert run(house).found == 0
    assert lines(house) == []
    assert [(day.day, refunds, disputes) for day, _, _, _, refunds, disputes, _ in sums(house)] == [
        (20, 0, 0), (21, -1500, -6000), (22, 1500, 6000),
    ]  # fmt: skip


def test_a_refund_and_a_dispute_that_nobody_told_of_are_joined(house: House) -> None:
    """A11: what a webhook can tell is found without it."""
    (order, refunded), (other, disputed) = paid(house, "fee:1"), paid(house, "fee:2", 6000)
    house.stripe.bank.refund(refunded, 1500)
    house.stripe.bank.open_dispute(disputed)
    house.owed_webhooks()
    house.clock.move(DAY)
    run(house)
    assert (house.see(order).refunded_minor, house.see(other).disputed_minor) == (1500, 6000)
    assert lines(house) == []


def test_a_refund_that_is_on_its_way_waits(house: House) -> None:
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout, "pm_card_pendingRefund")
    house.deliver_owed()
    refund = house.stripe.bank.refund(house.stripe.payer.intent(checkout.provider_ref or "").id)
    house.deliver_owed()
    house.clock.move(DAY)
    run(house)
    assert (lines(house), findings(house)) == ([("timing", -4500, 0)], [])
    house.stripe.bank.end_refund(refund, "succeeded")
    house.deliver_owed()
    house.clock.move(DAY)
    run(house)
    assert lines(house) == []


def test_a_payment_that_cannot_be_recorded_holds_up_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """B7: its error is a finding of its own, and the day is closed."""
    spoilt, fine = house.place("fee:1"), house.place("fee:2")
    for order in (spoilt, fine):
        house.pay(house.checkout(order))
    house.owed_webhooks()
    bad = house.see(spoilt).attempts[0].id

    async def join(*words: Any) -> Any:
        if any(seen.seen.attempt_id == bad for told in words[3] for seen in told.said.observations):
            raise Bug("this one cannot be recorded")
        return await join_all(*words)

    monkeypatch.setattr("payonce.usecases.reconcile_settling.join_all", join)
    house.clock.move(DAY)
    assert run(house).settled == 1
    assert (house.see(spoilt).state, house.see(fine).state) == ("open", "paid")
    assert (findings(house), windows(house)) == (["job_trouble", "reconcile_only_there"], [(FIRST, "closed", 1)])


def _busy_day(house: House) -> None:
    """A day with one of everything, and more pages than one."""
    _, twice = paid(house, "fee:1")
    paid(house, "fee:2")
    house.pay(house.checkout(house.place("fee:3")))
    house.owed_webhooks()
    write_twice(house, twice)
    row = transaction_of(house, twice)
    for number in range(150):
        fee = replace(row, id=f"txn_fee_{number}", type="stripe_fee", reporting_category="fee", amount=-1, fee=0)
        house.stripe.books.transactions[fee.id] = fee
    house.clock.move(DAY)


def test_a_run_that_stops_after_every_batch_ends_like_one_that_never_stops(build: Build) -> None:
    """B7: killed anywhere, it goes on at its cursor, and what is done is not done again."""
    whole, broken = build(), build()
    for house in (whole, broken):
        _busy_day(house)
    did = run(whole)
    steps = 0
    while run(broken, 1).more:
        steps += 1
    assert steps >= did.batches - 1
    kept = [[row[:3] for row in part] if number == 2 else part for number, part in enumerate(state_of_it_all(whole))]
    assert [len(part) for part in kept] == [len(part) for part in state_of_it_all(broken)]
    assert (windows(whole), sums(whole), lines(whole)) == (windows(broken), sums(broken), lines(broken))
    for house in (whole, broken):
        lists = [call for call in house.stripe.calls if call.operation == "balance_transactions.list"]
        assert len(lists) == 2


def test_a_run_of_which_every_commit_answer_is_lost_ends_like_one_that_lost_none(build: Build) -> None:
    """B7: a batch that was committed is not done again, although nobody heard of it."""
    lost: set[tuple[str, int]] = set()

    async def lose(moment: Moment) -> None:
        if moment.stage == "after_commit" and moment.transaction.startswith("reconcile") and moment.run == 1:
            lost.add((moment.transaction, len(lost)))
            raise ConnectionCut("the answer of COMMIT was lost")

    whole, broken = build(), build(observer=lose)
    for house in (whole, broken):
        _busy_day(house)
        assert run(house).held == []
    assert {name for name, _ in lost} >= {"reconcile_take", "reconcile_read", "reconcile_compare", "reconcile_settle"}
    assert (windows(whole), sums(whole), lines(whole)) == (windows(broken), sums(broken), lines(broken))
    assert at_risk(whole) == at_risk(broken)
    counts = "SELECT records, matched, foreign_records, comparison, rounds, passes FROM reconcile_windows"
    assert whole.rows(counts) == broken.rows(counts)


def test_a_worker_that_died_is_followed_when_its_lease_is_over_and_writes_nothing_more(house: House) -> None:
    """B7: one at a time, by lease and fence."""
    paid(house)
    house.clock.move(DAY)

    def die(batch: object) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(house, watch=die)
    assert [key.day for key in run(house).held] == [FIRST]
    assert house.rows("SELECT state FROM reconcile_windows") == [("comparing_theirs",)]
    house.clock.move(4 * MINUTE)
    assert [key.day for key in run(house).days] == [FIRST]
    assert windows(house) == [(FIRST, "closed", 1)]


def test_the_same_run_twice_leaves_the_same(house: House) -> None:
    """X4: nothing is settled, posted or counted a second time."""
    _busy_day(house)
    run(house)
    before, found = state_of_it_all(house), at_risk(house)
    assert run(house).batches == 0
    did = again(house, FIRST)
    assert (did.settled, len(did.days)) == (0, 1)
    assert (state_of_it_all(house)[:2], at_risk(house)) == (before[:2], found)
    assert state_of_it_all(house)[3:] == before[3:]


def test_a_provider_that_is_silent_leaves_a_hole_that_is_told_and_filled(house: House) -> None:
    """B7: a day that could not be read is not a day that agrees."""
    paid(house)
    house.clock.move(2 * DAY)
    spoil(house, "balance_transactions.list", times=None)
    did = run(house)
    assert list(did.silent) == ["stripe/main"]
    assert findings(house) == ["reconcile_hole"]
    [(detail,)] = house.rows("SELECT detail FROM findings")
    assert (detail["days"], detail["first"], detail["last"]) == ("2", "2026-11-20", "2026-11-21")
    heal(house)
    assert len(run(house).days) == 2
    assert (findings(house), [state for _, state, _ in windows(house)]) == ([], ["closed", "closed"])


def test_an_operator_names_days_and_each_is_done_once(house: House) -> None:
    paid(house)
    house.clock.move(3 * DAY)
    did = run(house, scope=Scope((FIRST + timedelta(days=1), FIRST + timedelta(days=9))))
    assert [key.day for key in did.days] == [FIRST + timedelta(days=1)]
    assert windows(house) == [(FIRST + timedelta(days=1), "closed", 0)]
