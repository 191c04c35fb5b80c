"""Providers without a list: their settlement file of a day is brought, whole or not at all, and compared like one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from payonce.base import ids
from payonce.base.errors import Refused
from payonce.providers.simulator.zalopay import ZaloPaySimulator
from payonce.store.reconciliation import WindowKey
from payonce.usecases.answers import OrderView
from payonce.usecases.import_money import Imported, import_money
from payonce.usecases.reconcile import Scope
from tests.promises.acts import DAY, HOUR, findings
from tests.promises.conftest import Build
from tests.promises.reconciling import FIRST, at_risk, lines, run, sums, windows
from tests.support.house import House
from tests.support.parties import zalopay_seat

PRICE = 120_000


@pytest.fixture
def shop(build: Build) -> House:
    """A merchant who takes money through ZaloPay; it is 12:00 in UTC, 19:00 in Vietnam."""
    return build(seat=zalopay_seat)


def bank(house: House) -> ZaloPaySimulator:
    """The simulated ZaloPay."""
    assert isinstance(house.party, ZaloPaySimulator)
    return house.party


def paid(house: House, purpose: str = "fee:1", *, heard: bool = True) -> OrderView:
    """An order that was paid, and told of unless its callback was lost."""
    order = house.place(purpose, PRICE)
    house.pay(house.checkout(order))
    if heard:
        house.deliver_owed()
        assert house.see(order).state == "paid"
    else:
        house.owed_webhooks()
    return order


def bring(house: House, day: date = FIRST, text: str | None = None, *, plain: bool = False) -> Imported:
    """Bring the file of the day and reconcile it."""
    content = bank(house).bank.settlement_file(day) if text is None else text
    key = WindowKey("zalopay", "main", day)
    done = house.run(
        import_money(house.world.for_jobs(), "default", key, lambda: content.splitlines(keepends=True), plain=plain)
    )
    run(house, scope=Scope((day,), since=house.clock.now() - timedelta(seconds=1)))
    return done


def kept(house: House) -> int:
    """How many records are kept."""
    [(number,)] = house.rows("SELECT count(*) FROM money_records")
    return int(number)


def test_the_file_of_a_day_matches_what_was_told(shop: House) -> None:
    """B7: payments and fees in dong, which have no decimals."""
    paid(shop)
    shop.clock.move(DAY)
    assert (bring(shop).new, lines(shop), findings(shop)) == (1, [], [])
    assert windows(shop) == [(FIRST, "closed", 1)]
    assert sums(shop) == [(FIRST, "VND", PRICE, 2400, 0, 0, PRICE - 2400)]


def test_what_only_the_file_has_is_asked_for_and_settled(shop: House) -> None:
    """B7: the callback was lost, and the order can still be asked for."""
    order = paid(shop, heard=False)
    shop.clock.move(DAY)
    bring(shop)
    assert (shop.see(order).state, lines(shop), findings(shop)) == ("paid", [], [])


def test_what_the_provider_cannot_be_asked_about_any_more_is_an_open_finding(shop: House) -> None:
    """B7: a file moves no money by itself; after 48 hours nobody can confirm it, so a person decides."""
    order = paid(shop, heard=False)
    shop.clock.move(3 * DAY)
    bring(shop)
    assert (shop.see(order).state, at_risk(shop)) == ("open", [("reconcile_only_there", PRICE, "open")])


def test_a_row_that_is_there_twice_is_a_duplicate(shop: House) -> None:
    """C18: the file holds one transaction two times."""
    paid(shop)
    shop.clock.move(DAY)
    text = bank(shop).bank.settlement_file(FIRST)
    bring(shop, text=text + text.splitlines()[-1] + "\n")
    assert (lines(shop), at_risk(shop)) == (
        [("duplicate", 2 * PRICE, PRICE)], [("reconcile_duplicate", PRICE, "open")]
    )  # fmt: skip


def test_a_corrected_file_sets_the_first_one_right(shop: House) -> None:
    """X5: what the newer file does not hold any more is set aside and kept, and its finding is gone."""
    paid(shop)
    shop.clock.move(DAY)
    text = bank(shop).bank.settlement_file(FIRST)
    bring(shop, text=text.replace(f",{PRICE},", ",100000,") + "payment,999,other,,5000,0,2026-11-20 10:00:00\n")
    assert lines(shop) == [("differs", 100_000, PRICE)]
    assert sums(shop)[0][2] == 105_000
    bring(shop)
    assert (lines(shop), at_risk(shop)) == ([], [("reconcile_differs", 20_000, "resolved")])
    assert (kept(shop), sums(shop)[0][2]) == (2, PRICE)


def test_what_the_file_does_not_have_is_missing_once_both_days_around_it_are_known(shop: House) -> None:
    """B7: near midnight in Vietnam a payment may stand in the file of the next day."""
    shop.clock.instant = datetime(2026, 11, 20, 16, 59, tzinfo=UTC)
    paid(shop)
    shop.clock.move(2 * DAY)
    head = bank(shop).bank.settlement_file(FIRST).splitlines()[0] + "\n"
    bring(shop, text=head)
    assert (lines(shop), findings(shop)) == ([("timing", None, PRICE)], [])
    bring(shop, FIRST + timedelta(days=1), head)
    shop.clock.move(DAY)
    run(shop)
    assert lines(shop) == [("only_here", None, PRICE)]
    assert "reconcile_only_here" in findings(shop)
    bring(shop)
    assert lines(shop) == []


def test_a_day_of_the_file_is_a_day_in_vietnam(shop: House) -> None:
    """B7: at 18:00 in UTC it is the next day there."""
    shop.clock.instant = datetime(2026, 11, 20, 18, tzinfo=UTC)
    paid(shop)
    shop.clock.move(2 * DAY)
    assert bring(shop).records == 0
    assert bring(shop, FIRST + timedelta(days=1)).records == 1
    assert windows(shop) == [(FIRST, "closed", 0), (FIRST + timedelta(days=1), "closed", 1)]
    [(begins,)] = shop.rows("SELECT from_at FROM reconcile_windows ORDER BY day LIMIT 1")
    assert begins == datetime(2026, 11, 19, 17, tzinfo=UTC)


def test_a_refund_is_compared_by_the_name_that_we_gave_it(shop: House) -> None:
    """B10: what we sent back stands in the file under our own name for it."""
    order = paid(shop)
    attempt = shop.see(order).attempts[0].provider_ref or ""
    shop.clock.move(HOUR / 2)
    name = bank(shop).bank.refund(attempt, 20_000)
    bank(shop).bank.end_refund(name)
    shop.clock.move(DAY)
    bring(shop)
    # Made in the provider's own tool: no callback tells of it, and nothing can ask for it.
    assert (lines(shop), at_risk(shop)) == ([("only_there", -20_000, None)], [("reconcile_differs", 20_000, "open")])
    assert sums(shop)[0][4] == -20_000


def test_days_without_a_file_are_one_finding_that_ends_with_the_last_file(shop: House) -> None:
    """B7: a day that nobody brought the file of is a hole, after a day of grace."""
    paid(shop)
    shop.clock.move(DAY)
    run(shop)
    assert findings(shop) == []
    shop.clock.move(2 * DAY)
    run(shop)
    assert findings(shop) == ["reconcile_hole"]
    for number in range(2):
        bring(shop, FIRST + timedelta(days=number))
    run(shop)
    assert findings(shop) == []


PLAIN = "record,nature,object_kind,object,amount,fee,currency,time,payment_kind,payment,attempt\n"


def test_the_plain_file_serves_any_provider_without_a_list(shop: House) -> None:
    """B7: a spreadsheet can make it."""
    order = paid(shop)
    transaction = next(iter(bank(shop).books.by_transaction))
    attempt = ids.show(ids.ATTEMPT, shop.see(order).attempts[0].id)
    shop.clock.move(DAY)
    text = PLAIN + f"r1,charge,transaction,{transaction},{PRICE},2400,VND,2026-11-20T19:00:00+07:00,,,{attempt}\n"
    text += "r2,other,,,-50,0,VND,2026-11-20T20:00:00+07:00,,,\n"
    assert (bring(shop, text=text, plain=True).records, lines(shop)) == (2, [])
    assert sums(shop) == [(FIRST, "VND", PRICE, 2400, 0, 0, PRICE - 2450)]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("payment,1,x,,12x,0,2026-11-20 10:00:00", "row 3"),
        ("payment,1,x,,-5,0,2026-11-20 10:00:00", "row 3"),
        ("payment,1,x,,5,0,2026-11-21 00:00:00", "of 2026-11-21"),
        ("payment,1,x,,5,0,yesterday", "time is like"),
        ("payout,1,x,,5,0,2026-11-20 10:00:00", "type is"),
        ("refund,1,x,,5,0,2026-11-20 10:00:00", "m_refund_id"),
        ("payment,1,x,,5,0", "cells"),
        ('payment,"1,x,,5,0,2026-11-20 10:00:00', "row"),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end_keeps_nothing(shop: House, row: str, why: str) -> None:
    """B7: half a file would look like missing money."""
    paid(shop)
    shop.clock.move(DAY)
    with pytest.raises(Refused, match=why) as refused:
        bring(shop, text=bank(shop).bank.settlement_file(FIRST) + row + "\n")
    assert refused.value.code == "money_file_invalid"
    assert (kept(shop), windows(shop)) == (0, [])


def test_a_file_of_a_day_that_is_not_over_or_of_a_provider_with_a_list_is_refused(shop: House, build: Build) -> None:
    """B7: the rest of the day would look like missing money; a file beside a list would count twice."""
    with pytest.raises(Refused, match="not over"):
        bring(shop)
    other, key = build(), WindowKey("stripe", "main", FIRST)
    other.clock.move(DAY)
    with pytest.raises(Refused) as refused:
        other.run(import_money(other.world, "default", key, list))
    assert (refused.value.code, kept(shop), kept(other)) == ("money_listed", 0, 0)
