"""The shop as a person uses it: every order is charged, recorded and fulfilled once, however it is clicked."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.provider import Provider
from tests.browser.shopper import (
    ASKED,
    DEBIT,
    DECLINED,
    GOOD_CARD,
    expect_back,
    expect_counters,
    expect_provider,
    go_to_provider,
    link_of,
    newest,
    order,
    pay_button,
    pay_there,
)

pytestmark = pytest.mark.browser


def test_an_order_is_paid_and_its_counters_are_one_and_stay_one(open_page: OpenPage, provider: Provider) -> None:
    page = open_page()
    bought = order(page, "Mountain tea")
    expect_counters(page, ("0", "0", "0"))
    go_to_provider(page)
    expect(page.get_by_text("12.50 USD").first).to_be_visible()
    pay_there(page)
    expect_back(page)
    expect_counters(page)
    newest(page).get_by_role("button", name="Send its webhooks again").click()
    expect(newest(page).get_by_text("webhooks are sent again")).to_be_visible()
    page.reload()
    expect_counters(page)
    expect(pay_button(page)).to_be_hidden()
    assert provider.captures(bought) == [1250]


def test_any_clicking_makes_one_order_and_one_session(open_page: OpenPage, provider: Provider) -> None:
    """B1: any number of clicks makes one payable object."""
    page = open_page()
    page.locator("form.card", has_text="Teapot").get_by_role("button").dblclick()
    page.wait_for_url(re.compile("#ord_"))
    expect(page.locator("article.order")).to_have_count(1)
    bought = page.url.rpartition("#")[2]
    newest(page).get_by_role("button", name="Click ten times at once").click()
    expect(page.get_by_text("10 clicks, 1 payment session")).to_be_visible()
    # Two clicks of one moment, before the browser can have left the page.
    pay_button(page).evaluate("button => { button.click(); button.click(); }")
    expect_provider(page)
    page.go_back()
    pay_button(page).dblclick()
    expect_provider(page)
    assert len(provider.payable(bought)) == len(provider.sessions(bought)) == 1
    page.get_by_role("button", name=GOOD_CARD).dblclick()
    expect_back(page)
    expect_counters(page)
    assert provider.captures(bought) == [6800]


def test_a_declined_card_leaves_the_page_open_for_a_good_one(open_page: OpenPage, provider: Provider) -> None:
    page = open_page()
    bought = order(page)
    sheet = go_to_provider(page)
    pay_there(page, DECLINED)
    expect(page.get_by_text("Your card was declined. Nothing was charged")).to_be_visible()
    shop = open_page(like=page)
    expect(newest(shop)).to_contain_text("The payment was declined. You can try again.")
    assert go_to_provider(shop) == sheet
    pay_there(shop)
    expect_back(shop)
    expect_counters(shop)
    assert provider.captures(bought) == [1900]


def test_a_bank_that_asks_is_answered_no_and_then_yes(open_page: OpenPage, provider: Provider) -> None:
    page = open_page()
    bought = order(page)
    go_to_provider(page)
    pay_there(page, ASKED)
    expect(page.get_by_role("heading", name="Your bank asks")).to_be_visible()
    pay_there(page, "No, fail the check")
    expect(page.get_by_text("Nothing was charged")).to_be_visible()
    pay_there(page, ASKED)
    pay_there(page, "Yes, it is me")
    expect_back(page)
    expect_counters(page)
    assert provider.captures(bought) == [1900]


def test_a_bank_debit_is_on_its_way_until_the_bank_has_paid(open_page: OpenPage, provider: Provider) -> None:
    """D2: processing is 202."""
    page = open_page()
    bought = order(page)
    go_to_provider(page)
    pay_there(page, DEBIT)
    expect_back(page)
    expect(newest(page)).to_contain_text("The payment is on its way.")
    expect(pay_button(page)).to_be_hidden()
    second = open_page(like=page)
    answer = second.goto(link_of(page, "payment link"))
    assert answer is not None and answer.status == 202
    expect(second.get_by_text("The payment is on its way.")).to_be_visible()
    expect(second.get_by_role("button", name="Pay")).to_be_hidden()
    assert provider.payable(bought) == []
    provider.settle_debit(bought)
    expect_counters(page)
    assert provider.captures(bought) == [1900]


def test_an_own_amount_is_asked_for_as_it_was_written(open_page: OpenPage, provider: Provider) -> None:
    page = open_page()
    page.get_by_label("USD").fill("12,345")
    shelf = page.locator("form.card", has_text="Name your price")
    shelf.get_by_role("button").click()
    # The browser itself says what is wrong; nothing was ordered.
    assert page.get_by_label("USD").evaluate("field => field.validity.patternMismatch")
    page.get_by_label("USD").fill("7,5")
    shelf.get_by_role("button").click()
    page.wait_for_url(re.compile("#ord_"))
    expect(page.locator("article.order")).to_have_count(1)
    go_to_provider(page)
    expect(page.get_by_text("7.50 USD").first).to_be_visible()
    pay_there(page)
    expect_back(page)
    expect_counters(page)


@pytest.mark.parametrize("trouble", ["Send every webhook twice", "Lose all webhooks"])
def test_a_provider_that_misbehaves_is_still_paid_once(open_page: OpenPage, provider: Provider, trouble: str) -> None:
    page = open_page()
    bought = order(page)
    page.get_by_role("button", name=trouble).click()
    expect(page.locator("section [data-said]")).not_to_be_empty()
    expect(page.locator("[data-faults] li")).to_contain_text("Stripe, ZaloPay and NOWPayments: ")
    go_to_provider(page)
    pay_there(page)
    expect_back(page)
    expect_counters(page)
    page.get_by_role("button", name="Behave again").click()
    expect(page.get_by_text("The providers behave again.")).to_be_visible()
    expect(page.locator("[data-faults]")).to_be_hidden()
    assert (len(provider.sessions(bought)), provider.captures(bought)) == (1, [1900])


def test_a_provider_that_fails_leaves_a_page_that_says_so_and_nothing_payable(
    open_page: OpenPage, provider: Provider
) -> None:
    page = open_page()
    bought = order(page)
    page.get_by_role("button", name="Let the next call fail").click()
    expect(page.get_by_text("Each provider answers its next call with an error.")).to_be_visible()
    pay_button(page).click()
    for _ in range(2):
        expect(page.get_by_role("heading", name="The payment page does not open right now")).to_be_visible()
        expect(page.get_by_text("No payment was started.")).to_be_visible()
        page.get_by_role("button", name="Try again").click()
    # An object that a failure left may show up late, so a second one is made only when there can be no first one.
    assert provider.payable(bought) == []
