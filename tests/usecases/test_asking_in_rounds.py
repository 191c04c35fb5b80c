"""Attempts are asked about in rounds: few transactions where their provider is fast, short leases where it is slow."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from payonce.drivers.transaction import Moment
from payonce.providers.transport import Answer, Request
from payonce.usecases.ask_attempts import FIRST_ROUND, LONGEST_ROUND, PATIENCE
from tests.support.house import House


class Slow:
    """A transport on which a call takes so many seconds; `leased` is how many attempts were leased at each call."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.house: House | None = None
        self.seconds = 0.0
        self.asked: list[str] = []
        self.leased: list[int] = []

    async def send(self, request: Request) -> Answer:
        if self.house is not None:
            self.asked.append(request.url.partition("?")[0])
            now = self.house.clock.now()
            [(leased,)] = self.house.rows("SELECT count(*) FROM attempts WHERE lease_until > %s", now)
            self.leased.append(leased)
            self.house.clock.move(self.seconds)
        answer: Answer = await self._inner.send(request)
        return answer


def unheard(house: House, count: int) -> None:
    """So many orders that are paid, of which no webhook came."""
    for number in range(count):
        house.pay(house.checkout(house.place(f"fee:{number}")))
    house.owed_webhooks()
    house.clock.move(600)


def states(house: House) -> dict[str, int]:
    return dict(house.rows("SELECT state, count(*) FROM orders GROUP BY state"))


def test_a_fast_provider_is_asked_about_many_in_few_transactions(database_url: str) -> None:
    """A1: forty orders are settled by eight transactions, and not by eighty."""
    commits: Counter[str] = Counter()

    async def count(moment: Moment) -> None:
        commits[moment.transaction] += moment.stage == "before_commit"

    house = House(database_url, observer=count)
    try:
        unheard(house, 40)
        commits.clear()
        assert (house.resolve().settled, states(house)) == (40, {"paid": 40})
        # 4, 8, 16, and the last 12.
        assert (commits["resolve"], commits["join_answers"]) == (4, 4)
        assert FIRST_ROUND == 4 and LONGEST_ROUND >= 16
        assert house.rows("SELECT count(*), count(DISTINCT order_id) FROM settlements") == [(40, 40)]
        assert house.rows("SELECT count(*) FROM events WHERE source = 'poll'") == [(40,)]
    finally:
        house.close()


@pytest.mark.parametrize("seconds", [2.0, 6.0, 20.0])
def test_a_slow_provider_holds_few_leases_and_what_there_was_no_time_for_goes_back(
    database_url: str, seconds: float
) -> None:
    """A1, L6: a payer whose attempt is leased waits, so nobody's is for the time of many calls."""
    slow = Slow(None)

    def behind(inner: Any) -> Slow:
        slow._inner = inner
        return slow

    house = House(database_url, transport=behind)
    try:
        unheard(house, 12)
        slow.house, slow.seconds = house, seconds
        assert (house.resolve().settled, states(house)) == (12, {"paid": 12})
        assert len(slow.asked) == len(set(slow.asked)) == 12
        assert max(slow.leased) <= FIRST_ROUND
        # After the first rounds one is asked about at a time.
        assert slow.leased[-2:] == [1, 1] or timedelta(seconds=2 * seconds) < PATIENCE
        assert house.rows("SELECT count(*) FROM attempts WHERE lease_until IS NOT NULL") == [(0,)]
    finally:
        house.close()


def test_of_a_round_that_cannot_be_recorded_all_others_are(house: House) -> None:
    """C14: one order whose rows contradict each other is noted, and holds nothing up."""
    unheard(house, 6)
    # The ledger has an entry for its capture already, under another order: its own is refused by the database.
    [(order_id, handle)] = house.rows("SELECT order_id, handle_ref FROM attempts ORDER BY attempt_id LIMIT 1 OFFSET 2")
    intent = house.stripe.payer.intent(handle).id
    [(other,)] = house.rows("SELECT order_id FROM attempts ORDER BY attempt_id LIMIT 1")
    house.rows(
        "INSERT INTO entries (merchant_id, entry_id, cause, order_id, currency, posted_at) VALUES ('default',"
        " gen_random_uuid(), 'capture:stripe:main:payment_intent:' || %s || ':4500', %s, 'USD', now()) RETURNING 1",
        intent, other,
    )  # fmt: skip
    did = house.resolve()
    assert (did.settled, did.failed) == (5, 1)
    assert house.rows("SELECT kind, order_id FROM findings") == [("job_trouble", order_id)]
    assert states(house) == {"paid": 5, "open": 1}
