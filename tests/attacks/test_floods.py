"""Floods from outside: who holds a link, or none, wears nothing out and keeps nobody else from paying."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from payonce.api.calls import caller_address
from tests.promises.acts import HOUR, calls
from tests.support.house import House
from tests.support.site import PERSON, Site


@pytest.fixture
def site(house: House) -> Iterator[Site]:
    """The edge over a house."""
    made = Site(house)
    yield made
    made.close()


def test_a_flood_of_clicks_on_one_link_costs_one_call_and_a_bounded_number_of_rows(site: Site) -> None:
    """B1: any number of clicks make one object; a flood of them is told to wait, and nobody elsewhere is."""
    order = site.place()
    codes = [site.open_link(order).status_code for _ in range(100)]
    assert (set(codes[:60]), set(codes[60:])) == ({307}, {429})
    assert len(calls(site.house, ".create")) == 1
    assert site.house.rows("SELECT count(*) FROM receipts")[0][0] < 100
    other = site.ask("GET", order["pay_url"], headers=PERSON, address="198.51.100.7")
    assert other.status_code == 307
    site.clock.move(60)
    assert site.open_link(order).status_code == 307


def test_a_flood_of_refreshes_is_one_question_and_keeps_no_click_waiting(site: Site) -> None:
    """E9: five a minute for each caller, and over all callers one question in three seconds."""
    order = site.place()
    site.open_link(order)
    before = len(calls(site.house))
    for number in range(200):
        site.ask("POST", f"{order['status_url']}/refresh", address=f"198.51.100.{number}")
    assert len(calls(site.house)) == before + 1
    assert site.open_link(order).status_code == 307


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP"])
def test_no_header_makes_a_new_caller_of_one_who_asked_too_often(site: Site, header: str) -> None:
    """E9: identity is not taken from what a client says of itself (CVE-2023-28121), unless a proxy of ours says it."""
    order = site.place()
    codes = [
        site.ask("GET", order["status_url"], headers={header: f"198.51.100.{number}"}).status_code
        for number in range(8)
    ]
    assert codes == [200] * 5 + [429] * 3


def test_through_a_proxy_of_ours_only_its_own_word_counts() -> None:
    """E9: what a client wrote before our proxy's entry in X-Forwarded-For is not believed."""
    ours = (ip_network("10.0.0.0/8"),)
    assert caller_address("10.0.0.1", "6.6.6.6, 203.0.113.7", ours) == "203.0.113.7"
    assert caller_address("10.0.0.1", "6.6.6.6, 203.0.113.7, 10.0.0.2", ours) == "203.0.113.7"
    assert caller_address("203.0.113.7", "6.6.6.6", ours) == "203.0.113.7"
    assert caller_address("10.0.0.1", "203.0.113.7, not an address", ours) == "10.0.0.1"


def test_after_the_clock_was_set_back_a_status_tells_the_present_and_nobody_is_limited(site: Site) -> None:
    """E6: a cached answer is a moment old, by every clock."""
    order = site.place()
    for _ in range(6):
        site.ask("GET", order["status_url"])
    site.open_link(order)
    site.clock.move(-HOUR)
    site.pay(order)
    site.deliver()
    answer = site.ask("GET", order["status_url"])
    assert (answer.status_code, answer.json()["state"]) == (200, "paid")
