"""Personal data that is old is erased; what counts money, and what is not finished, is not touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from payonce.base.errors import Refused
from payonce.domain.policy import Policy
from payonce.jobs.timetable import find_job
from payonce.usecases.count_checkouts import count_checkouts
from payonce.usecases.expire_data import count_to_erase, expire_data
from payonce.usecases.receive import Delivery, receive
from payonce.usecases.retry_events import replay_event
from payonce.usecases.show_event import show_event
from tests.support.frames import drive, lane
from tests.support.house import House

DAY = 86400.0
PERSON: dict[str, Any] = {"payer_email": "parent@shop.example", "payer_name": "A Parent"}
KEPT = ("orders", "entries", "postings", "audit", "event_keys", "settlements", "captures")


def paid(house: House, purpose: str = "fee:27") -> Any:
    order = house.place(purpose, **PERSON)
    house.pay(house.checkout(order))
    house.deliver_owed()
    return order


def expire(house: House) -> Any:
    return house.run(expire_data(house.world, "default"))


def kept(house: House) -> Any:
    return {name: sorted(house.rows(f"SELECT t::text FROM {name} AS t")) for name in KEPT}


def personal(house: House) -> list[Any]:
    """Every place where the payer's name or address stands."""
    found = house.rows("SELECT 'payers' FROM payers WHERE email IS NOT NULL OR name IS NOT NULL")
    found += house.rows("SELECT 'requests' FROM attempts WHERE encode(request_body, 'escape') LIKE '%%parent%%'")
    return [name for (name,) in found]


def test_payers_are_erased_long_after_their_order_ended_and_what_counts_money_is_not(house: House) -> None:
    """E20: personal data has a retention, and the ledger, the orders and the audit stay."""
    order = paid(house)
    assert personal(house) == ["payers", "requests"]
    before = kept(house)
    house.clock.move(549 * DAY)
    assert expire(house).payers == 0 and "payers" in personal(house)
    house.clock.move(2 * DAY)
    assert house.run(count_to_erase(house.world, "default")).payers == 1
    assert expire(house).payers == 1
    assert personal(house) == []
    assert house.rows("SELECT erased_at FROM payers") == [(house.clock.now(),)]
    assert kept(house) == before and house.see(order).state == "paid"
    assert expire(house).rows == 0


@pytest.mark.parametrize("why", ["open", "finding"])
def test_the_payer_of_an_order_that_is_not_over_is_kept(house: House, why: str) -> None:
    """E20: not while it is open, and not while somebody has an open question about it."""
    if why == "open":
        house.place(**PERSON)
    else:
        order = paid(house)
        house.rows(
            "INSERT INTO findings (merchant_id, finding_id, kind, fingerprint, severity, owner, state, order_id,"
            " money_minor, detail, first_seen_at, last_seen_at, deadline_at) VALUES ('default', gen_random_uuid(),"
            " 'dispute', 'x', 'urgent', 'x', 'open', %s, 0, '{}', now(), now(), now()) RETURNING 1",
            order.id,
        )
    house.clock.move(1000 * DAY)
    assert expire(house).payers == 0 and "payers" in personal(house)


def test_who_called_is_forgotten_and_that_there_was_a_call_is_not(house: House) -> None:
    """E20: address, user agent and referer have a retention of their own."""
    house.rows(
        "INSERT INTO evidence (merchant_id, evidence_id, order_id, at, call, address, user_agent, referer, answer)"
        " SELECT 'default', gen_random_uuid(), gen_random_uuid(), %s - n * interval '100 days', 'pay', '203.0.113.7',"
        " 'Mozilla', 'https://shop.example', 307 FROM generate_series(1, 3) AS n RETURNING 1",
        house.clock.now(),
    )
    assert expire(house).evidence == 2
    rows = house.rows("SELECT address, user_agent, referer, answer FROM evidence ORDER BY at")
    assert rows == [(None, None, None, 307)] * 2 + [("203.0.113.7", "Mozilla", "https://shop.example", 307)]


def test_raw_bodies_are_erased_and_what_is_not_finished_keeps_its_own(house: House) -> None:
    """C16: an event that failed or was given up can still be replayed, however old it is."""
    paid(house)
    states = ("received", "failed", "quarantined", "ignored")
    for state in states:
        house.rows(
            "INSERT INTO events (merchant_id, event_id, provider, account, source, event_key, type, state, reason,"
            " received_at, body) VALUES ('default', gen_random_uuid(), 'stripe', 'main', 'webhook', %s, 'x', %s, '',"
            " %s, 'raw') RETURNING 1",
            state, state, house.clock.now(),
        )  # fmt: skip
    house.clock.move(89 * DAY)
    assert expire(house).bodies == 0
    house.clock.move(2 * DAY)
    assert expire(house).bodies > 0
    left = house.rows("SELECT state, body, erased_at IS NOT NULL FROM events WHERE event_key = ANY(%s)", list(states))
    assert {state: (bytes(body), erased) for state, body, erased in left} == {
        "received": (b"raw", False), "failed": (b"raw", False), "quarantined": (b"raw", False), "ignored": (b"", True),
    }  # fmt: skip
    assert house.rows("SELECT count(*) FROM events WHERE state = 'applied' AND body <> ''") == [(0,)]


def test_an_event_without_its_body_is_not_replayed_and_says_so(house: House) -> None:
    """C16: nothing is applied that is not there."""
    paid(house)
    [(event_id,)] = house.rows("SELECT event_id FROM events WHERE state = 'applied' ORDER BY event_id LIMIT 1")
    house.clock.move(91 * DAY)
    expire(house)
    shown = house.run(show_event(house.world, "default", event_id))
    assert (shown.body, shown.erased_at) == (b"", house.clock.now())
    before = house.rows("SELECT e::text FROM events AS e")
    with pytest.raises(Refused) as refused:
        house.run(replay_event(house.world, "default", event_id))
    assert refused.value.code == "event_erased"
    assert house.rows("SELECT e::text FROM events AS e") == before


def test_an_event_that_comes_again_after_its_body_was_erased_is_a_repetition(house: House) -> None:
    """C2: its key is kept for ever, so that it is applied once."""
    order = house.place(**PERSON)
    house.pay(house.checkout(order))
    hooks = house.owed_webhooks()
    house.deliver(hooks)
    house.rows("UPDATE events SET received_at = '2020-01-01' RETURNING 1")
    assert expire(house).bodies > 0
    before = kept(house)
    again = [
        Delivery("stripe", None, {name.lower(): value for name, value in hook.headers}, hook.body) for hook in hooks
    ]
    assert {each.verdict for each in house.run(receive(house.world, "default", again))} == {"duplicate"}
    assert kept(house) == before


def test_how_long_each_is_kept_is_the_merchants_policy(house: House) -> None:
    """E20: each retention is a setting."""
    paid(house)
    soon = Policy(keep_payers=timedelta(days=1), keep_event_bodies=timedelta(days=1))
    house.world = replace(house.world, policies={"default": soon})
    house.clock.move(2 * DAY)
    did = expire(house)
    assert did.payers == 1 and did.bodies > 0


def test_what_is_only_measured_is_thinned_and_what_is_young_stays(house: House) -> None:
    """D13, E14: counts by the minute and repetitions of events do not grow for ever."""

    def told_again(purpose: str) -> int:
        """An order is paid, and each of its events comes three times; how often they were told again."""
        house.pay(house.checkout(house.place(purpose)))
        hooks = house.owed_webhooks()
        for _ in range(3):
            house.deliver(hooks)
        return 2 * len(hooks)

    old = told_again("fee:1")
    now = house.clock.now()
    house.run(count_checkouts(house.world, {("default", now, "new"): 4, ("default", now, "blocked_paid"): 1}))
    house.clock.move(29 * DAY)
    house.run(count_checkouts(house.world, {("default", house.clock.now(), "new"): 2}))
    did = expire(house)
    assert (did.counts, did.repeats) == (0, 0)
    house.clock.move(2 * DAY)
    due = house.run(count_to_erase(house.world, "default"))
    assert (due.counts, due.repeats, expire(house).counts) == (2, 0, 2)
    assert house.rows("SELECT outcome, answers FROM checkout_counts") == [("new", 2)]
    young = told_again("fee:2")
    before = kept(house)
    house.clock.move(60 * DAY)
    due, did = house.run(count_to_erase(house.world, "default")), expire(house)
    assert (due.repeats, did.repeats) == (old, old)
    assert house.rows("SELECT count(*) FROM repeats") == [(young,)]
    assert kept(house) == before


def test_receipts_of_long_ago_are_thinned(house: House) -> None:
    """C22: a receipt has done its work when its COMMIT was answered; a month of them shows what was said."""
    order = house.place()
    house.checkout(order)
    house.checkout(order)
    [(written,)] = house.rows("SELECT count(*) FROM receipts")
    house.clock.move(29 * DAY)
    assert (written, expire(house).receipts) == (1, 0)
    house.clock.move(2 * DAY)
    assert house.run(count_to_erase(house.world, "default")).receipts == 1
    assert expire(house).receipts == 1
    assert house.rows("SELECT count(*) FROM receipts") == [(0,)]


def test_the_job_erases_batch_by_batch_all_that_is_old(house: House) -> None:
    """E20: it runs by itself once a day, and tells nobody."""
    house.rows(
        "INSERT INTO evidence (merchant_id, evidence_id, order_id, at, call, address) SELECT 'default',"
        " gen_random_uuid(), gen_random_uuid(), '2020-01-01', 'pay', '203.0.113.7' FROM generate_series(1, 2500)"
        " RETURNING 1"
    )
    assert find_job("expire").notify == "never"
    drive(house, [lane(house, find_job("expire"))], 5)
    assert house.rows("SELECT count(*) FROM evidence WHERE address IS NOT NULL") == [(0,)]
    assert house.rows("SELECT state, taken, batches FROM job_runs") == [("done", 2500, 3)]
