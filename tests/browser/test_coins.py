"""What is paid by other means: where coins go, how that is left, and three providers clicked through in the shop."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.provider import Provider, simulators_of
from tests.browser.shopper import expect_back, expect_counters, expect_provider, newest, order, pay_button
from tests.browser.views import begin, path_of, place
from tests.support.service import Service
from tests.support.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.browser

WAYS = "Way to pay"
TO_ADDRESS = "NOWPayments, coins to an address"


@pytest.fixture
def coins(service: Service, provider: Provider) -> dict[str, Any]:
    """An order whose payer was given an address; every provider behaves."""
    placed = place(service)
    begun = begin(service, placed, provider="nowpayments", flow="payment")
    return placed | {"address": begun["instructions"]["address"]}


def send(service: Service, address: str, amount: str = "exact") -> None:
    """The payer sends coins from a wallet of their own."""
    url = f"{simulators_of(service)['nowpayments']}/_sim/pay/{address}"
    httpx2.post(url, json={"amount": amount}, timeout=DEADLINE_SECONDS).raise_for_status()


def choose(page: Page, way: str) -> None:
    """Choose how the newest order is paid, and press Pay."""
    newest(page).get_by_label(WAYS).select_option(label=way)
    pay_button(page).click()


def test_what_must_not_be_mistyped_is_copied(open_page: OpenPage, coins: dict[str, Any]) -> None:
    page = open_page(path_of(coins["pay_url"]), permissions=["clipboard-read", "clipboard-write"])
    expect(page.get_by_role("heading", name="Pay 45.00 USD")).to_be_visible()
    expect(page.get_by_role("img", name="QR code of the address")).to_be_visible()
    page.get_by_role("button", name="Copy the address").click()
    expect(page.get_by_role("button", name="Copied the address")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == coins["address"]
    page.get_by_role("button", name="Copy the amount").click()
    expect(page.get_by_role("button", name="Copied the amount")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "45"


def test_where_a_page_may_not_copy_it_marks_what_is_to_be_copied(open_page: OpenPage, coins: dict[str, Any]) -> None:
    page = open_page()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(path_of(coins["pay_url"]))
    page.get_by_role("button", name="Copy the address").click()
    expect(page.get_by_role("button", name="Marked the address")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == coins["address"]


def test_without_scripts_the_address_is_there_and_one_click_marks_it(
    open_page: OpenPage, service: Service, coins: dict[str, Any]
) -> None:
    page = open_page(path_of(coins["pay_url"]), java_script_enabled=False)
    address = page.locator("#send-address")
    expect(address).to_have_text(coins["address"])
    expect(page.get_by_role("img", name="QR code of the address")).to_be_visible()
    assert page.get_by_role("button", name=re.compile("^Copy")).count() == 0
    assert address.evaluate("element => getComputedStyle(element).userSelect") == "all"
    send(service, coins["address"])
    with page.expect_navigation():
        page.get_by_role("button", name="Look again").click()
    for _ in range(3):
        if page.get_by_text("Paid. Thank you.").count():
            break
        page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text("Paid. Thank you.")).to_be_visible()


def test_the_page_tells_by_itself_when_the_coins_came(
    open_page: OpenPage, service: Service, coins: dict[str, Any]
) -> None:
    """E7: asks people not to reload, and tells by itself."""
    page = open_page(path_of(coins["pay_url"]))
    expect(page.get_by_text("Waiting for the payment.")).to_be_visible()
    send(service, coins["address"], "more")
    expect(page.get_by_text("Paid. Thank you.")).to_be_visible()
    expect(page.locator("#send-address")).to_be_hidden()
    expect(page.get_by_text("You paid 11.25 USD more than was asked.")).to_be_visible()
    page.get_by_role("link", name="See the payment").click()
    expect(page.get_by_role("heading", name="Your payment")).to_be_visible()


def test_it_is_left_by_express_word_only(open_page: OpenPage, coins: dict[str, Any], provider: Provider) -> None:
    page = open_page(path_of(coins["pay_url"]))
    page.get_by_text("Pay another way").click()
    to_stripe = page.get_by_role("button", name="Stripe (card and more)")
    to_stripe.click()
    # The browser itself asks for the word.
    consent = page.get_by_label("I have not sent anything")
    assert consent.evaluate("box => box.validity.valueMissing") and page.url.endswith(path_of(coins["pay_url"]))
    assert provider.sessions(coins["id"]) == []
    consent.check()
    to_stripe.click()
    expect_provider(page)
    assert len(provider.payable(coins["id"])) == 1


def test_without_scripts_another_way_is_chosen_all_the_same(
    open_page: OpenPage, coins: dict[str, Any], provider: Provider
) -> None:
    page = open_page(path_of(coins["status_url"]), java_script_enabled=False)
    page.get_by_text("Pay another way").click()
    page.get_by_label("I have not sent anything").check()
    page.get_by_role("button", name="Stripe (card and more)").click()
    expect_provider(page)


def test_three_providers_are_clicked_through_in_the_shop(open_page: OpenPage, provider: Provider) -> None:
    page = open_page()
    for currency, way, clicks in (
        ("USD", "Stripe", ("Pay with a good card",)),
        ("VND", "ZaloPay", ("Pay with the wallet",)),
        ("USD", "NOWPayments, coin chosen there", ("Pay with USDTTRC20", "Send exactly this")),
    ):
        page.goto("/")
        page.get_by_role("link", name=currency, exact=True).click()
        order(page)
        choose(page, way)
        expect_provider(page)
        for button in clicks:
            page.get_by_role("button", name=button).click()
        on = page.get_by_role("link", name="Go on to the shop")
        if way.startswith("NOWPayments"):
            on.click()
        expect_back(page)
        expect_counters(page)
        expect(newest(page)).to_contain_text("Paid. Thank you.")


def test_coins_are_sent_from_the_simulators_wallet(open_page: OpenPage, provider: Provider) -> None:
    page = open_page()
    order(page, "Mountain tea")
    choose(page, TO_ADDRESS)
    expect(page.get_by_role("heading", name="Pay 12.50 USD")).to_be_visible()
    wallet = open_page(like=page)
    wallet.goto(page.get_by_role("link", name="send them from the simulator's wallet").get_attribute("href") or "")
    expect_provider(wallet)
    wallet.get_by_role("link", name=re.compile("^Send 12.5 USDTTRC20")).last.click()
    wallet.get_by_role("button", name="Send exactly this").click()
    expect(page.get_by_text("Paid. Thank you.")).to_be_visible()
