"""Status: reading changes nothing, says when to ask again, and still answers those who ask too often."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.api.application import STATIC
from tests.api.conftest import OpenSite
from tests.support.effects import Desk, Receiver
from tests.support.house import INVITE
from tests.support.line import Line
from tests.support.site import PERSON, Site

# Every table that a read could have touched; evidence is no state.
TABLES = (
    "orders", "attempts", "provider_refs", "captures", "settlements", "entries", "postings", "returns", "event_keys",
    "events", "effects", "deliveries", "findings", "audit", "receipts", "api_requests",
)  # fmt: skip


def everything(site: Site) -> dict[str, list[Any]]:
    """All rows of all tables, as text."""
    return {name: sorted(site.house.rows(f"SELECT t::text FROM {name} AS t")) for name in TABLES}


def test_reading_a_status_changes_nothing(site: Site) -> None:
    """E2: whoever reads how often, by link, by page or by key, no row changes and nobody is called."""
    order = site.place()
    site.open_link(order)
    site.pay(order)
    before, calls = everything(site), len(site.house.stripe.calls)
    for number in range(8):
        site.ask("GET", order["status_url"], address=f"203.0.113.{number}")
        site.ask("GET", order["status_url"], headers=PERSON)
        site.ask("HEAD", order["status_url"])
        site.api("GET", f"/orders/{order['id']}/status")
        site.clock.move(2)
    assert everything(site) == before
    assert len(site.house.stripe.calls) == calls


def test_a_status_tells_the_payment_and_each_effect(site: Site) -> None:
    """E3: 200 with the state of the payment and of each effect."""
    order = site.place()
    site.open_link(order)
    site.pay(order)
    site.deliver()
    answer = site.ask("GET", order["status_url"])
    assert answer.status_code == 200
    status = answer.json()
    assert (status["state"], status["payment"], status["message"]) == ("paid", "paid", "Paid. Thank you.")
    assert status["counters"] == {"charged": 1, "recorded": 1, "fulfilled": 0}
    assert [(effect["kind"], effect["state"]) for effect in status["effects"]] == [
        ("invite", "pending"), ("notice", "pending"),
    ]  # fmt: skip
    assert status["final"] is False


def test_a_status_holds_nothing_personal(site: Site) -> None:
    order = site.place(reference="R-77", payer={"reference": "player-27", "email": "jo@mail.example", "name": "Jo Doe"})
    for headers in ({}, PERSON):
        text = site.ask("GET", order["status_url"], headers=headers).text
        assert [word for word in ("R-77", "player-27", "jo@", "Jo Doe", "fee:27") if word in text] == []


def test_a_status_may_be_a_second_old_and_says_so(site: Site) -> None:
    """E6: an answer may come from a cache and says so."""
    order = site.place()
    first = site.ask("GET", order["status_url"]).json()
    site.clock.move(1)
    second = site.ask("GET", order["status_url"]).json()
    site.clock.move(1)
    third = site.ask("GET", order["status_url"]).json()
    assert [each["cached"] for each in (first, second, third)] == [False, True, False]
    assert (second["as_of"], third["as_of"]) == (first["as_of"], "2026-11-20T12:00:02.000Z")


@pytest.mark.parametrize("way", ["link", "key"])
def test_the_sixth_question_in_a_minute_gets_429_and_the_last_known_state(site: Site, way: str) -> None:
    """E9: five requests a minute for each order and caller; over it 429 with Retry-After and the last known state."""
    order, other = site.place(), site.place("fee:28:2026-05")

    def ask(which: dict[str, Any], **more: Any) -> Any:
        if way == "key":
            return site.api("GET", f"/orders/{which['id']}/status")
        return site.ask("GET", which["status_url"], **more)

    assert [ask(order).status_code for _ in range(7)] == [200] * 5 + [429] * 2
    limited = ask(order)
    assert limited.headers["content-type"] == "application/problem+json"
    assert (limited.json()["code"], limited.json()["state"], limited.json()["payment"]) == (
        "status_limited", "open", "none",
    )  # fmt: skip
    wait = int(limited.headers["retry-after"])
    assert limited.json()["retry_after"] == wait
    # Neither another order nor another caller pays for it.
    assert ask(other).status_code == 200
    assert way == "key" or ask(order, address="198.51.100.4").status_code == 200
    site.clock.move(wait)
    assert ask(order).status_code == 200


def test_a_page_that_was_reloaded_too_often_still_shows_the_last_known_state(site: Site) -> None:
    """E17: reloads are harmless."""
    order = site.place()
    answers = [site.ask("GET", order["status_url"], headers=PERSON) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert "Not paid yet." in answers[-1].text
    assert "retry-after" in answers[-1].headers


def test_neighbours_in_one_ipv6_network_are_one_caller(site: Site) -> None:
    order = site.place()
    codes = [site.ask("GET", order["status_url"], address=f"2001:db8:1:2::{number}").status_code for number in range(6)]
    assert codes == [200] * 5 + [429]
    assert site.ask("GET", order["status_url"], address="2001:db8:1:3::1").status_code == 200


def test_whoever_comes_when_told_is_never_refused(site: Site) -> None:
    """X11: `retry_after` is computed from what is left, and a client that obeys never meets the limit."""
    order, waits = site.place(), []
    for _ in range(20):
        answer = site.ask("GET", order["status_url"])
        assert answer.status_code == 200
        waits.append(answer.json()["retry_after"])
        site.clock.move(waits[-1])
    assert waits[:5] == [5, 10, 20, 40, 40]


def test_a_final_status_asks_nobody_to_come_back(open_site: OpenSite) -> None:
    """E7: the page that waits stops when the state is final."""
    site = open_site({"kinds": ()})
    order = site.place(amount_minor=0)
    status = site.ask("GET", order["status_url"]).json()
    assert (status["payment"], status["final"], status["retry_after"]) == ("paid", True, None)
    page = site.ask("GET", order["status_url"], headers=PERSON).text
    assert 'data-waiting="over"' in page
    assert "do not reload" not in page


def test_an_unchanged_status_costs_no_body(site: Site) -> None:
    order = site.place()
    first = site.ask("GET", order["status_url"])
    again = site.ask("GET", order["status_url"], headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert int(again.headers["retry-after"]) > 0
    site.open_link(order)
    site.clock.move(2)
    changed = site.ask("GET", order["status_url"], headers={"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, changed.json()["payment"]) == (200, "open")


def test_a_refresh_settles_what_the_webhook_has_not_told_yet(site: Site) -> None:
    order = site.place()
    site.open_link(order)
    site.pay(order)
    site.clock.move(10)
    assert site.ask("GET", order["status_url"]).json()["payment"] == "open"
    refreshed = site.ask("POST", order["status_url"] + "/refresh")
    assert (refreshed.status_code, refreshed.json()["payment"]) == (200, "paid")
    assert site.ask("GET", order["status_url"]).json()["payment"] == "paid"
    assert site.see(order)["counters"]["recorded"] == 1


def test_many_refreshes_at_once_are_one_question_to_the_provider(site: Site) -> None:
    """E13: nothing that a page may do repeats anything."""
    order = site.place()
    site.open_link(order)
    site.clock.move(10)
    before = len(site.house.stripe.calls)
    answers = site.together(*[("POST", order["status_url"] + "/refresh", {})] * 9)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 4
    assert all(answer.json()["state"] == "open" for answer in answers)
    assert len(site.house.stripe.calls) - before == 1


def test_without_a_script_the_button_looks_again_and_comes_back(site: Site) -> None:
    order = site.place()
    answer = site.ask("POST", order["status_url"] + "/refresh", headers=PERSON)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        order["status_url"].removeprefix("http://pay.test"),
    )


def test_while_the_database_is_gone_a_status_tells_the_last_known_state_and_its_age(
    cut_site: tuple[Site, Line],
) -> None:
    """E6: an answer may come from a cache, and says so and how old it is."""
    site, line = cut_site
    seen, unseen = site.place(), site.place("fee:28:2026-05")
    assert site.ask("GET", seen["status_url"]).status_code == 200
    site.clock.move(30)
    line.close()
    told = site.ask("GET", seen["status_url"])
    assert (told.status_code, told.json()["cached"], told.json()["as_of"]) == (200, True, "2026-11-20T12:00:00.000Z")
    assert site.ask("GET", unseen["status_url"]).status_code == 503


def test_many_rapid_status_calls_bring_one_invitation(open_site: OpenSite) -> None:
    """E18: many rapid status calls, one invitation."""
    site, receiver = open_site(), Receiver()
    desk = Desk(site.house, {INVITE: receiver})
    order = site.place()
    site.open_link(order)
    site.pay(order)
    for number in range(9):
        site.together(*[("GET", order["status_url"], {}), ("POST", order["status_url"] + "/refresh", {})] * 5)
        desk.deliver()
        site.clock.move(5)
        if number == 4:
            site.deliver()
    assert len(receiver.calls) == 1
    assert site.see(order)["counters"] == {"charged": 1, "recorded": 1, "fulfilled": 1}


def test_the_plain_flow_brings_exactly_one_link(open_site: OpenSite) -> None:
    """E18: the plain flow, exactly one link."""
    site, receiver = open_site(), Receiver()
    desk = Desk(site.house, {INVITE: receiver})
    order = site.place()
    site.open_link(order)
    site.pay(order)
    site.deliver()
    desk.deliver()
    site.deliver()
    desk.deliver()
    [call] = receiver.calls
    assert call.order["id"] == order["id"]
    assert site.see(order)["counters"] == {"charged": 1, "recorded": 1, "fulfilled": 1}


def test_the_waiting_script_is_small_and_knows_the_pauses() -> None:
    """E8: backs off 5, 10, 20, then every 40 s, gives up after 12 polls with a clear message."""
    script = (STATIC / "waiting.js").read_text("utf-8")
    assert len(script.encode()) < 3000
    assert "[5, 10, 20, 40]" in script
    assert "polls >= 12" in script


def test_the_waiting_page_holds_no_inline_code(site: Site) -> None:
    page = site.ask("GET", site.place()["status_url"], headers=PERSON)
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy
    assert "<script>" not in page.text and "style=" not in page.text and " on" + "click" not in page.text
    assert "Please do not reload it" in page.text
