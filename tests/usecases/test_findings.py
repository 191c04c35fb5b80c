"""What people do with findings, and what findings do by themselves: each change worth telling counts once."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from payonce.base.errors import Conflict, Refused
from payonce.domain.finding import Finding
from payonce.domain.finding_life import MACHINE, STATES, Rest
from payonce.store.database import Tx
from payonce.store.findings import resolve_findings, write_findings
from payonce.usecases.handle_finding import (
    acknowledge_finding,
    assign_finding,
    ignore_finding,
    resolve_finding,
)
from payonce.usecases.list_findings import FindingView, list_findings
from payonce.usecases.monitor import monitor
from payonce.usecases.prove import prove_all
from payonce.usecases.show_finding import show_finding
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.house import House
from tests.support.poor import answered
from tests.support.waiting import DEADLINE_SECONDS


def meet(house: House, kind: str = "event_quarantined", about: str = "a", **more: Any) -> None:
    """Find a difference, as whoever meets it does."""
    finding_id = house.world.ids.new()
    values = {"order_id": None, "money_minor": 0, "currency": None} | more

    async def work(tx: Tx) -> None:
        write_findings(tx, DEFAULT_MERCHANT, [Finding(finding_id, kind, about, **values)])

    house.run(house.world.database.transaction(work, name="test"))


def find(house: House, kind: str = "event_quarantined", about: str = "a", **more: Any) -> FindingView:
    """The same; the finding afterwards."""
    meet(house, kind, about, **more)
    [found] = [each for each in every(house) if each.state != "resolved" and each.kind == kind]
    return found


def mend(house: House, fingerprint: str) -> None:
    """Say that a difference is gone, as whoever mends it does."""

    async def work(tx: Tx) -> None:
        resolve_findings(tx, DEFAULT_MERCHANT, [fingerprint], "it was mended")

    house.run(house.world.database.transaction(work, name="test"))


def every(house: House) -> list[FindingView]:
    return house.run(list_findings(house.world, DEFAULT_MERCHANT, limit=100))


def see(house: House, finding: FindingView) -> FindingView:
    return house.run(show_finding(house.world, DEFAULT_MERCHANT, finding.id))


def ignore(house: House, finding: FindingView, **rest: Any) -> FindingView:
    act = ignore_finding(house.world, DEFAULT_MERCHANT, finding.id, "linh", "the provider mends it", Rest(**rest))
    return house.run(act)


def tell(finding: FindingView) -> tuple[int, str]:
    return finding.change, finding.changed_as


def audit_of(house: House, finding: FindingView) -> list[tuple[Any, ...]]:
    sql = "SELECT actor, subject, source, event, target, cause FROM audit WHERE subject_id = %s ORDER BY audit_id"
    return house.rows(sql, finding.id)


def test_what_is_found_again_is_counted_up_and_not_told_again(house: House) -> None:
    """C17: an alert is sent once for each change; seeing it again is none."""
    first = find(house)
    house.clock.move(60)
    again = find(house)
    assert (again.id, again.seen, again.counted) == (first.id, 2, 2)
    assert tell(first) == tell(again) == (1, "opened")


def test_it_is_told_again_when_it_is_ten_times_as_much(house: House) -> None:
    """C17: money or count that rose tenfold since it was last told is another matter; nine times is not."""
    find(house, money_minor=500, currency="USD")
    assert tell(find(house, money_minor=4999, currency="USD")) == (1, "opened")
    assert tell(find(house, money_minor=5000, currency="USD")) == (2, "grown")
    assert tell(find(house, money_minor=6000, currency="USD")) == (2, "grown")
    many = [find(house, "unhandled_events", "b", counted=count) for count in (2, 19, 20, 199, 200)]
    assert [tell(each) for each in many] == [(1, "opened"), (1, "opened"), (2, "grown"), (2, "grown"), (3, "grown")]


def test_it_is_told_again_when_it_is_graver(house: House) -> None:
    """C17: a warning that turned critical is told; it never turns milder by itself."""
    find(house, "checkout_refusals", severity="warning")
    graver = find(house, "checkout_refusals", severity="critical")
    assert (graver.severity, tell(graver)) == ("critical", (2, "grown"))
    milder = find(house, "checkout_refusals", severity="warning")
    assert (milder.severity, tell(milder)) == ("critical", (2, "grown"))


def test_an_acknowledged_finding_says_who_looks_into_it(house: House) -> None:
    finding = find(house)
    taken = house.run(acknowledge_finding(house.world, DEFAULT_MERCHANT, finding.id, "linh", "I have an idea"))
    assert (taken.state, taken.acknowledged_by, taken.acknowledged_at) == ("acknowledged", "linh", house.clock.now())
    assert tell(taken) == (1, "opened")
    assert audit_of(house, finding) == [("linh", "finding", "open", "acknowledged", "acknowledged", "I have an idea")]
    assert find(house).state == "acknowledged"


def test_an_ignored_finding_wakes_when_its_time_is_over(house: House) -> None:
    finding = find(house)
    until = house.clock.now() + timedelta(hours=24)
    assert ignore(house, finding, until=until).state == "ignored"
    house.clock.move(23 * 3600)
    # A hundred times as much, and nobody is told: that is what ignoring is for.
    assert tell(find(house, money_minor=10_000, currency="USD")) == (1, "opened")
    house.run(monitor(house.world, DEFAULT_MERCHANT, only=["stuck_orders"]))
    assert see(house, finding).state == "ignored"
    house.clock.move(3600)
    # Though nothing sees it again.
    house.run(monitor(house.world, DEFAULT_MERCHANT, only=["stuck_orders"]))
    woken = see(house, finding)
    assert (woken.state, tell(woken)) == ("open", (2, "woken"))


def test_an_ignored_finding_wakes_after_so_many_more(house: House) -> None:
    find(house)
    finding = find(house)
    ignore(house, finding, more=3)
    assert [find(house).state for _ in range(3)] == ["ignored", "ignored", "open"]
    assert tell(see(house, finding)) == (2, "woken")


def test_an_ignored_finding_wakes_after_so_many_more_orders(house: House) -> None:
    finding = find(house, "provider_silent", orders=4, counted=4)
    ignore(house, finding, orders=5, until=house.clock.now() + timedelta(days=30))
    assert find(house, "provider_silent", orders=8, counted=8).state == "ignored"
    assert find(house, "provider_silent", orders=9, counted=9).state == "open"


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ({}, "rest_without_end"),
        ({"more": 0}, "rest_invalid"),
        ({"orders": -1}, "rest_invalid"),
        ({"until": datetime.fromisoformat("2020-01-01T00:00:00+00:00")}, "rest_invalid"),
    ],
)
def test_nothing_is_ignored_without_an_end(house: House, rest: dict[str, Any], code: str) -> None:
    """X6: what is silenced for ever would be dropped; the refusal changes nothing."""
    finding = find(house)
    with pytest.raises(Refused) as refused:
        ignore(house, finding, **rest)
    assert refused.value.code == code
    assert see(house, finding) == finding
    assert audit_of(house, finding) == []


def test_nothing_is_silenced_without_a_reason(house: House) -> None:
    finding = find(house)
    rest = Rest(more=1)
    for act in (
        ignore_finding(house.world, DEFAULT_MERCHANT, finding.id, "linh", "  ", rest),
        resolve_finding(house.world, DEFAULT_MERCHANT, finding.id, "linh", ""),
    ):
        with pytest.raises(Refused) as refused:
            house.run(act)
        assert refused.value.code == "reason_missing"
    with pytest.raises(Refused) as nobody:
        house.run(resolve_finding(house.world, DEFAULT_MERCHANT, finding.id, " ", "done"))
    assert nobody.value.code == "actor_missing"
    assert see(house, finding) == finding


def test_an_assigned_finding_keeps_its_owner_when_it_comes_back(house: House) -> None:
    finding = find(house)
    given = house.run(assign_finding(house.world, DEFAULT_MERCHANT, finding.id, "minh", "linh", "she knows it"))
    assert (given.owner, given.state) == ("linh", "open")
    assert audit_of(house, finding) == [("minh", "finding_owner", "developers", "assigned", "linh", "she knows it")]
    mend(house, "event_quarantined:a")
    back = find(house)
    assert (back.owner, back.state, back.earlier_id) == ("linh", "regressed", finding.id)
    assert tell(back) == (1, "regressed")


def test_a_resolved_finding_takes_no_further_act(house: House) -> None:
    """A word about what is over would be lost: it is refused, and the return of the difference is another finding."""
    finding = find(house)
    done = house.run(resolve_finding(house.world, DEFAULT_MERCHANT, finding.id, "linh", "it was a test"))
    assert (done.state, done.resolved_by, done.resolved_why, tell(done)) == (
        "resolved", "linh", "it was a test", (2, "resolved"),
    )  # fmt: skip
    act = (house.world, DEFAULT_MERCHANT, finding.id, "minh")
    for late in (
        acknowledge_finding(*act),
        resolve_finding(*act, "me too"),
        assign_finding(*act, "minh"),
        ignore_finding(*act, "later", Rest(more=1)),
    ):
        with pytest.raises(Conflict) as conflict:
            house.run(late)
        assert conflict.value.code == "finding_resolved"
    assert see(house, finding) == done


def test_another_merchant_has_no_such_finding(house: House) -> None:
    finding = find(house)
    with pytest.raises(Refused) as refused:
        house.run(acknowledge_finding(house.world, "another", finding.id, "linh"))
    assert (refused.value.code, refused.value.status) == ("finding_unknown", 404)
    assert see(house, finding) == finding


def test_a_finding_is_told_once_that_nobody_resolved_it_in_its_time(house: House) -> None:
    """L7: a deadline that passed is a change worth telling, once."""
    finding = find(house)
    house.clock.move(25 * 3600)
    for _ in range(2):
        house.run(monitor(house.world, DEFAULT_MERCHANT, only=["stuck_orders"]))
        late = see(house, finding)
        assert (late.is_overdue, late.state, tell(late)) == (True, "open", (2, "overdue"))


def test_an_ignored_finding_is_not_called_overdue(house: House) -> None:
    finding = find(house)
    ignore(house, finding, more=100)
    house.clock.move(25 * 3600)
    house.run(monitor(house.world, DEFAULT_MERCHANT, only=["stuck_orders"]))
    assert see(house, finding).is_overdue is False


def test_acts_in_the_audit_follow_written_arrows(house: House) -> None:
    """S8: what people do with findings is proven like every other move."""
    finding = find(house)
    ignore(house, finding, more=9)
    house.run(acknowledge_finding(house.world, DEFAULT_MERCHANT, finding.id, "linh"))
    house.run(resolve_finding(house.world, DEFAULT_MERCHANT, finding.id, "linh", "done"))
    assert [row[2:5] for row in audit_of(house, finding)] == [
        ("open", "ignored", "ignored"),
        ("ignored", "acknowledged", "acknowledged"),
        ("acknowledged", "resolved", "resolved"),
    ]
    assert house.run(prove_all(house.world)) == []
    house.rows("UPDATE audit SET target = 'open' WHERE subject = 'finding' AND event = 'resolved' RETURNING 1")
    assert {each.query for each in house.run(prove_all(house.world))} == {"s8_steps_follow_arrows"}


def test_the_database_knows_every_state_and_no_other(house: House) -> None:
    """A12: the constraint and the machine say the same states; ignoring needs somebody, a reason and an end."""
    [(rule,)] = house.rows("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'finding_state_known'")
    assert {word for word in rule.replace("'", " ").split() if word in MACHINE.states} == set(STATES)
    finding = find(house)
    for forbidden in ("state = 'ignored'", "state = 'ignored', ignored_by = 'linh', ignored_why = 'so'"):
        with pytest.raises(Exception, match="finding_ignored_by_somebody_until_an_end"):
            house.rows(f"UPDATE findings SET {forbidden} RETURNING 1")
    assert see(house, finding) == finding


def test_a_person_and_the_monitor_on_one_finding_at_once_lose_no_word(house: House, database_url: str) -> None:
    """Whoever comes second sees what the first did: acknowledged and counted up, whatever the order."""
    finding, other = find(house), House(database_url)
    failures: list[BaseException] = []

    def at_once(work: Any) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        return threading.Thread(target=run)

    def act_of(who: str) -> FindingView:
        return house.run(acknowledge_finding(house.world, DEFAULT_MERCHANT, finding.id, who))

    def acknowledge() -> None:
        for number in range(20):
            answered(partial(act_of, f"linh {number}"))

    def see_again() -> None:
        for _ in range(20):
            answered(partial(meet, other))

    both = [at_once(acknowledge), at_once(see_again)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(DEADLINE_SECONDS)
    other.close()
    assert failures == []
    [met] = every(house)
    assert (met.state, met.seen, met.acknowledged_by) == ("acknowledged", 21, "linh 19")
    assert len(audit_of(house, finding)) == 20


def test_unknown_words_in_a_filter_are_refused(house: House) -> None:
    """A filter that matches nothing by mistake would look like peace."""
    wrong: list[dict[str, Any]] = [{"state": "opened"}, {"kind": "second_charges"}, {"severity": "high"}]
    for filters in wrong:
        with pytest.raises(Refused) as refused:
            house.run(list_findings(house.world, DEFAULT_MERCHANT, **filters))
        assert refused.value.code.startswith("finding_")


def test_lists_are_filtered_by_what_people_ask_for(house: House) -> None:
    critical = find(house, "provider_silent", provider="nowpayments")
    notice = find(house, "unhandled_events", provider="stripe")
    done = find(house)
    mend(house, "event_quarantined:a")

    def listed(**filters: Any) -> set[UUID]:
        return {each.id for each in house.run(list_findings(house.world, DEFAULT_MERCHANT, **filters))}

    assert listed(state="unresolved") == {critical.id, notice.id}
    assert listed(state="resolved") == {done.id}
    assert listed(severity="notice") == {notice.id}
    assert listed(provider="nowpayments") == {critical.id}
    assert listed(owner="developers", kind="unhandled_events") == {notice.id}
    assert listed(before=notice.id) == {critical.id}


def test_a_finding_about_a_payment_says_its_provider(house: House) -> None:
    """C17: alerts are led by provider, also those that are written where the payment is decided."""
    house.pay(house.checkout(house.place()))
    house.deliver_owed()
    [[intent]] = house.rows("SELECT ref FROM captures")
    house.stripe.bank.open_dispute(intent)
    house.deliver_owed()
    assert [(each.kind, each.provider) for each in every(house)] == [("dispute_opened", "stripe")]
