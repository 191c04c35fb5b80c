"""People are told of findings once for each change and route, together where there are many, never blindly twice."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from payonce.base.errors import PayonceError, Unavailable
from payonce.domain.alert import LEASE, MOST_TRIES, Route
from payonce.domain.delivering import Accepted, NotAccepted, OutcomeUnknown
from payonce.usecases.alert import alert
from payonce.usecases.claim_alerts import claim_alerts
from payonce.usecases.list_alerts import list_alerts, routes_seen
from payonce.usecases.note_alerts import note_changes
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.alarms import BASE, Alarms
from tests.support.house import House


@pytest.fixture
def alarms(house: House) -> Alarms:
    """One route that tells at once."""
    return Alarms(house)


def test_a_critical_finding_is_told_at_once_with_money_order_meaning_and_what_to_do(house: House) -> None:
    """C17: id, amount with its decimals, what it means, what to do next, and a link."""
    alarms = Alarms(house, Route("ops", group=timedelta(minutes=5)))
    order = house.place()
    finding_id = alarms.find("second_charge", money=4500, order_id=order.id)
    alarms.step()
    [message] = alarms["ops"].got
    assert message.title == "[critical] second_charge: 45.00 USD at risk"
    assert "a paid order was paid again" in message.body and "45.00 USD, ord_" in message.body
    assert "payonce refunds ask" in message.body and f"{BASE}/v1/findings/fnd_" in message.body
    assert message.data["findings"][0]["money_minor"] == 4500
    assert house.rows("SELECT subject_id, state FROM alerts") == [(finding_id, "grouped")]


def test_an_amount_without_decimals_is_told_without_any(alarms: Alarms) -> None:
    alarms.find("late_payment", money=1_250_000, currency="VND")
    alarms.step()
    assert "1250000 VND at risk" in alarms["ops"].titles[0]


def test_each_change_is_told_once_however_often_the_worker_looks(alarms: Alarms) -> None:
    finding_id = alarms.find()
    alarms.steps(3)
    alarms.find()
    alarms.steps(3)
    assert len(alarms["ops"].got) == 1
    alarms.change(finding_id, "overdue")
    alarms.steps(3)
    assert alarms["ops"].titles[1:] == ["[critical] second_charge (overdue): 45.00 USD at risk"]


def test_a_burst_of_500_findings_is_one_message_with_count_sum_and_the_largest(alarms: Alarms) -> None:
    alarms.find_many(499, money=100)
    alarms.find(money=900_000)
    alarms.steps(3)
    [message] = alarms["ops"].got
    assert message.title == "[critical] 500 × second_charge: 9499.00 USD at risk"
    assert "9000.00 USD" in message.body.splitlines()[2] and "… and 495 more" in message.body
    assert message.data["count"] == 500


def test_what_comes_shortly_behind_a_message_waits_to_be_told_together(house: House) -> None:
    """A burst that lasts is a message at once and one for each group's time, and not one for each finding."""
    alarms = Alarms(house, Route("ops", group=timedelta(seconds=60)))
    for _ in range(50):
        alarms.find_many(1)
        alarms.step()
        house.clock.move(1)
    assert len(alarms["ops"].got) == 1
    house.clock.move(60)
    alarms.step()
    assert alarms["ops"].titles[1].startswith("[critical] 49 × second_charge")


def test_what_is_not_critical_waits_until_its_group_is_complete(house: House) -> None:
    alarms = Alarms(house, Route("ops", group=timedelta(seconds=60)))
    alarms.find("over_payment", about="a")
    alarms.step()
    house.clock.move(59)
    alarms.find("over_payment", about="b")
    alarms.step()
    assert alarms["ops"].got == []
    house.clock.move(1)
    alarms.step()
    assert alarms["ops"].titles == ["[warning] 2 × over_payment: 90.00 USD at risk"]


def test_a_route_gets_what_it_asks_for_and_nothing_else(house: House) -> None:
    quick = timedelta()
    alarms = Alarms(
        house, Route("pager", severities=("critical",), group=quick), Route("money", kinds=("*_payment",), group=quick),
        Route("stripe", providers=("stripe",), group=quick), Route("other", merchants=("somebody",), group=quick),
    )  # fmt: skip
    alarms.find("late_payment")
    alarms.find("over_payment")
    alarms.find("held_effect")
    house.rows("UPDATE findings SET provider = 'stripe' WHERE kind = 'held_effect' RETURNING 1")
    alarms.steps()
    told = {name: sorted(title.split("] ")[1].split(":")[0] for title in phone.titles)
            for name, phone in alarms.phones.items()}  # fmt: skip
    assert told == {
        "pager": ["late_payment"], "money": ["late_payment", "over_payment"], "stripe": ["held_effect"],
        "other": [],
    }  # fmt: skip


def test_that_it_is_resolved_is_told_once_where_it_was_told_that_it_is_there(house: House) -> None:
    quick = timedelta()
    alarms = Alarms(house, Route("all", group=quick), Route("money", kinds=("late_payment",), group=quick))
    alarms.find("second_charge", about="a")
    alarms.steps(2)
    alarms.resolve("second_charge:a")
    alarms.steps(3)
    assert alarms["all"].titles[1:] == ["[resolved] second_charge"]
    assert alarms["money"].got == []


def test_what_is_resolved_before_it_was_told_is_never_told(house: House) -> None:
    alarms = Alarms(house, Route("ops", group=timedelta(seconds=60)))
    alarms.find("over_payment", about="a")
    alarms.step()
    alarms.resolve("over_payment:a")
    alarms.steps(5, seconds=60)
    assert alarms["ops"].got == []
    assert house.rows("SELECT state, dropped_because FROM alerts") == [("dropped", "resolved before it was told")]


def test_what_returns_is_told_again_and_so_is_its_end(alarms: Alarms) -> None:
    for _ in range(2):
        alarms.find(about="a")
        alarms.step()
        alarms.resolve("second_charge:a")
        alarms.step()
    assert [title.split("]")[0] for title in alarms["ops"].titles] == ["[critical", "[resolved"] * 2


def test_a_finding_that_is_ignored_is_not_told(alarms: Alarms) -> None:
    alarms.find()
    alarms.house.rows(
        "UPDATE findings SET state = 'ignored', ignored_by = 'linh', ignored_why = 'known', ignored_until = now() "
        "RETURNING 1"
    )
    alarms.steps(2)
    assert alarms["ops"].got == []


def test_a_clear_refusal_is_tried_again_with_growing_pauses_as_the_same_message(alarms: Alarms) -> None:
    alarms["ops"].answers = [NotAccepted("503"), NotAccepted("503")]
    alarms.find()
    alarms.steps(40, seconds=1)
    first, *again = alarms["ops"].got
    assert [message.id for message in again] == [first.id, first.id]
    assert alarms.states() == ["sent"]
    assert alarms.heard == [("ops", "failed"), ("ops", "failed"), ("ops", "sent")]


def test_a_receiver_that_asks_for_time_gets_it(alarms: Alarms) -> None:
    alarms["ops"].answers = [NotAccepted("429", retry_after_seconds=600)]
    alarms.find()
    alarms.steps(10, seconds=59)
    assert len(alarms["ops"].got) == 1
    alarms.steps(2, seconds=60)
    assert len(alarms["ops"].got) == 2


def test_a_receiver_that_always_refuses_is_given_up(alarms: Alarms) -> None:
    alarms["ops"].answers = [NotAccepted("401")] * 100
    alarms.find()
    alarms.steps(30, seconds=3600)
    assert (alarms.states(), len(alarms["ops"].got)) == (["dead"], MOST_TRIES)
    alarms.resolve("second_charge:x")
    alarms.step()
    # Nobody was told that it is there.
    assert len(alarms["ops"].got) == MOST_TRIES


@pytest.mark.parametrize("silence", [OutcomeUnknown("no answer within 30 s"), ValueError("it broke")])
def test_what_may_have_arrived_is_never_sent_again(alarms: Alarms, silence: OutcomeUnknown | ValueError) -> None:
    alarms["ops"].answers = [silence]
    alarms.find()
    alarms.steps(50, seconds=600)
    assert (alarms.states(), len(alarms["ops"].got)) == (["unknown"], 1)
    assert alarms.heard == [("ops", "unknown")]
    [seen] = alarms.house.run(list_alerts(alarms.house.world, DEFAULT_MERCHANT, state="unknown"))
    assert (seen.alerts, seen.route) == (1, "ops")


def test_a_receiver_that_knows_our_ids_is_told_again(house: House) -> None:
    alarms = Alarms(house, Route("hook", group=timedelta(), resends=True))
    alarms["hook"].answers = [OutcomeUnknown("no answer")]
    alarms.find()
    alarms.steps(20, seconds=1)
    first, second = alarms["hook"].got
    assert (first.id, alarms.states()) == (second.id, ["sent"])


@pytest.mark.parametrize(("resends", "state", "calls"), [(False, "unknown", 0), (True, "sent", 1)])
def test_a_worker_that_dies_between_claim_and_answer_repeats_nothing_blindly(
    house: House, resends: bool, state: str, calls: int
) -> None:
    """The claim is written before anybody is called, so what is left says that it may have been sent."""
    alarms = Alarms(house, Route("ops", group=timedelta(), resends=resends))
    alarms.find()
    house.run(note_changes(house.world, DEFAULT_MERCHANT, alarms.routes, 100))
    [claim] = house.run(claim_alerts(house.world, DEFAULT_MERCHANT, alarms.routes, BASE))
    assert alarms.states() == ["claimed"]
    alarms.steps(3)
    assert (alarms.states(), alarms["ops"].got) == (["claimed"], [])
    house.clock.move(LEASE.total_seconds() + 1)
    alarms.steps(3, seconds=10)
    assert (alarms.states(), len(alarms["ops"].got)) == ([state], calls)
    if calls:
        assert alarms["ops"].got[0].id == claim.message.id


def test_a_worker_that_slept_past_its_lease_still_says_that_it_arrived(alarms: Alarms) -> None:
    def sleep() -> Accepted:
        alarms.house.clock.move(LEASE.total_seconds() + 1)
        alarms.step(channels={})
        assert alarms.states() == ["unknown"]
        return Accepted("200")

    alarms["ops"].answers = [sleep]
    alarms.find()
    alarms.step()
    assert alarms.states() == ["sent"]


def test_of_two_workers_one_tells(house: House, database_url: str) -> None:
    other = House(database_url)
    pair = [Alarms(house), Alarms(other)]
    for _ in range(5):
        pair[0].find_many(20)
        threads = [threading.Thread(target=alarms.steps, args=(3,)) for alarms in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    told = [finding["id"] for alarms in pair for message in alarms["ops"].got for finding in message.data["findings"]]
    assert len(told) == len(set(told)) == 100
    other.close()


def test_a_process_without_routes_decides_nothing_for_those_that_have_some(alarms: Alarms) -> None:
    alarms.find()
    assert alarms.house.run(alert(alarms.house.world, DEFAULT_MERCHANT, replace(alarms.alerting, routes={}))).noted == 0
    alarms.step()
    assert len(alarms["ops"].got) == 1


def test_what_waits_for_a_route_that_is_gone_is_dropped_after_an_hour(house: House) -> None:
    alarms = Alarms(house, Route("old", group=timedelta(seconds=60)))
    alarms.find("over_payment", about="a")
    alarms.step()
    alarms.routes = {"new": Route("new", group=timedelta())}
    alarms.phones = {"new": alarms["old"]}
    house.clock.move(3600)
    alarms.step()
    assert house.rows("SELECT state FROM alerts") == [("waiting",)]
    house.clock.move(3600)
    alarms.step()
    assert house.rows("SELECT route, state FROM alerts") == [("old", "dropped")]


def test_what_was_to_be_tried_again_on_a_route_that_is_gone_is_given_up_after_an_hour(house: House) -> None:
    alarms = Alarms(house, Route("old", group=timedelta()))
    alarms["old"].answers = [NotAccepted("503")]
    alarms.find()
    alarms.step()
    alarms.routes, alarms.phones = {"new": Route("new")}, {"new": alarms["old"]}
    house.clock.move(2 * 3600)
    alarms.step()
    assert (alarms.states(), len(alarms["new"].got)) == (["dead"], 1)


def test_an_answer_of_the_database_that_is_lost_costs_no_alert(house: House) -> None:
    """The COMMIT of the claim arrives and its answer does not: the claim is found again, and told once."""
    alarms = Alarms(house)
    alarms.find()
    house.run(note_changes(house.world, DEFAULT_MERCHANT, alarms.routes, 100))
    inner = house.world.database

    class Forgetful:
        async def transaction(self, work, *, name, read_only=False):  # type: ignore[no-untyped-def]
            first = await inner.transaction(work, name=name, read_only=read_only)
            return first if name != "claim_alerts" else await inner.transaction(work, name=name)

    house.world = replace(house.world, database=Forgetful())
    alarms.step()
    assert (alarms.states(), len(alarms["ops"].got)) == (["sent"], 1)


def test_a_store_that_restarts_while_an_answer_is_recorded_is_waited_for(house: House) -> None:
    alarms = Alarms(house)
    alarms.find()
    inner, failures = house.world.database, [Unavailable("gone", code="store_unavailable")] * 3

    class Restarting:
        async def transaction(self, work, *, name, read_only=False):  # type: ignore[no-untyped-def]
            if name == "record_alert" and failures:
                raise failures.pop()
            return await inner.transaction(work, name=name, read_only=read_only)

    house.world = replace(house.world, database=Restarting())
    alarms.step()
    assert (failures, alarms.states()) == ([], ["sent"])


def test_a_route_says_how_it_is_doing(alarms: Alarms) -> None:
    alarms["ops"].answers = [Accepted("200"), OutcomeUnknown("?")]
    for about in "ab":
        alarms.find(about=about)
        alarms.step()
    seen = alarms.house.run(routes_seen(alarms.house.world, DEFAULT_MERCHANT))["ops"]
    assert (seen.states, seen.waiting) == ({"sent": 1, "unknown": 1}, 0)
    assert seen.last_sent_at == alarms.house.clock.now()


def test_a_state_that_no_message_has_is_refused(house: House) -> None:
    with pytest.raises(PayonceError) as refused:
        house.run(list_alerts(house.world, DEFAULT_MERCHANT, state="lost"))
    assert refused.value.code == "alert_state_unknown"
