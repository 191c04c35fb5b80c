"""Several tabs, going back, and reloading until the service loses patience: nothing of it moves money twice."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.provider import Provider
from tests.browser.shopper import (
    expect_back,
    expect_counters,
    expect_provider,
    go_to_provider,
    link_of,
    order,
    pay_button,
    pay_there,
)

pytestmark = pytest.mark.browser

RELOADS = 20
# Who reads this knows when and how the money was taken.
PAID_WHEN_AND_HOW = re.compile(r"It was paid on \d{1,2} \w+ \d{4}, \d\d:\d\d UTC through Stripe\.")


def test_two_tabs_of_a_payment_link_lead_to_one_session_that_is_paid_once(
    open_page: OpenPage, provider: Provider
) -> None:
    """E17: several tabs are harmless."""
    shop = open_page()
    bought = order(shop)
    path = link_of(shop, "payment link")
    tabs = [open_page(path, like=shop) for _ in range(2)]
    assert tabs[0].url == tabs[1].url
    assert provider.payable(bought) == provider.sessions(bought)
    for tab in tabs:
        expect_provider(tab)
        pay_there(tab)
    expect_back(tabs[0])
    expect(tabs[1].get_by_text("You are done here")).to_be_visible()
    tabs[1].get_by_role("link", name="Go on to the shop").click()
    for tab in tabs:
        expect_counters(tab)
    assert provider.captures(bought) == [1900]


def test_pressing_pay_on_a_page_from_before_the_payment_is_answered_with_when_and_how_it_was_paid(
    open_page: OpenPage, provider: Provider
) -> None:
    """D6: 409 for an order that is paid, and its body says when and how it was paid."""
    page = open_page()
    bought = order(page)
    # A tab that nothing keeps up to date, as on a telephone that slept.
    stale = open_page(like=page)
    stale.route("**/static/*.js", lambda route: route.abort())
    stale.reload()
    go_to_provider(page)
    pay_there(page)
    expect_back(page)
    expect_counters(page)
    with stale.expect_response(re.compile("/shop/pay/")) as answered:
        pay_button(stale).click()
    assert answered.value.status == 409
    expect(stale.get_by_role("heading", name="This is paid")).to_be_visible()
    expect(stale.get_by_text(PAID_WHEN_AND_HOW)).to_be_visible()
    stale.get_by_role("link", name="See the payment").click()
    expect(stale.get_by_text("Paid. Thank you.")).to_be_visible()
    assert provider.captures(bought) == [1900]


def test_going_back_after_paying_finds_a_page_that_takes_no_second_payment(
    open_page: OpenPage, provider: Provider
) -> None:
    page = open_page()
    bought = order(page)
    go_to_provider(page)
    pay_there(page)
    expect_back(page)
    expect_counters(page)
    page.go_back()
    expect(page.get_by_text("You are done here")).to_be_visible()
    page.go_back()
    expect_counters(page)
    expect(pay_button(page)).to_be_hidden()
    answer = page.goto(link_of(page, "payment link"))
    assert answer is not None and answer.status == 409
    expect(page.get_by_text(PAID_WHEN_AND_HOW)).to_be_visible()
    assert provider.captures(bought) == [1900]


def test_a_storm_of_reloads_shows_the_last_known_state_and_never_an_error(
    open_page: OpenPage, provider: Provider
) -> None:
    """E9: over five requests a minute it is 429 with the last known state."""
    shop = open_page()
    bought = order(shop)
    waiting = open_page(link_of(shop, "status"), like=shop)
    go_to_provider(shop)
    assert storm(waiting, "Waiting for the payment.") == {200, 429}
    pay_there(shop)
    expect_back(shop)
    for _ in range(RELOADS):
        shop.reload()
    expect_counters(shop)
    assert provider.captures(bought) == [1900]


def test_a_storm_of_reloads_of_a_paid_order_goes_on_saying_that_it_is_paid(
    open_page: OpenPage, provider: Provider
) -> None:
    """E17: reloads are harmless."""
    shop = open_page()
    bought = order(shop)
    path = link_of(shop, "status")
    go_to_provider(shop)
    pay_there(shop)
    expect_back(shop)
    expect_counters(shop)
    paid = open_page(path, like=shop)
    expect(paid.get_by_text("Paid. Thank you.")).to_be_visible()
    assert storm(paid, "Paid. Thank you.") == {200, 429}
    expect_counters(shop)
    assert (len(provider.sessions(bought)), provider.captures(bought)) == (1, [1900])


def storm(page: Page, message: str) -> set[int]:
    """Reload the page of a payment again and again; the statuses. Each time it says `message`."""
    statuses = set()
    for _ in range(RELOADS):
        answer = page.reload()
        assert answer is not None
        statuses.add(answer.status)
        expect(page.get_by_role("heading", name="Your payment")).to_be_visible()
        expect(page.get_by_text(message)).to_be_visible()
    return statuses
