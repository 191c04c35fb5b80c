"""The pages of the simulator, used as a browser without scripts would: read, press a button, follow."""

from __future__ import annotations

import re
from html import unescape

import httpx2
import pytest
import stripe

from payonce.providers.simulator.stripe import StripeSimulator
from tests.providers.simulator.test_checkout_sessions import a_session


class Browser:
    """Follows redirects within the simulator; stops at the shop's address."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.client = httpx2.Client(base_url=base_url)
        self.page = ""
        self.left_for: str | None = None

    def go(self, address: str) -> None:
        self._follow(self.client.get(address))

    def press(self, value: str) -> None:
        """Press the button with this value on the page."""
        action = re.search(r'<form method="post" action="([^"]*)">', self.page)
        button = re.search(rf'<button name="(\w+)" value="{value}"', self.page)
        assert action is not None and button is not None, self.page
        self._follow(self.client.post(unescape(action[1]), data={button[1]: value}))

    def _follow(self, answer: httpx2.Response) -> None:
        while answer.status_code == 303:
            target = answer.headers["location"]
            if not target.startswith(("/", self.base_url)):
                self.left_for = target
                return
            answer = self.client.get(target)
        self.page = answer.text
        assert answer.headers["content-type"].startswith("text/html")


@pytest.fixture
def browser(sim: StripeSimulator) -> Browser:
    return Browser(sim.base_url)


def test_the_page_says_that_no_real_money_moves_and_what_is_to_pay(
    client: stripe.StripeClient, browser: Browser
) -> None:
    browser.go(a_session(client).url or "")
    assert "SIMULATOR" in browser.page and "45.00 USD" in browser.page and "Fee × 3" in browser.page
    assert 'href="https://shop.example/cart"' in browser.page
    assert "prefers-color-scheme: dark" in browser.page and "<script" not in browser.page


def test_paying_leads_to_the_success_address_with_the_session_filled_in(
    client: stripe.StripeClient, sim: StripeSimulator, browser: Browser
) -> None:
    made = a_session(client)
    browser.go(made.url or "")
    browser.press("pm_card_visa")
    assert browser.left_for == f"https://shop.example/done?session={made.id}"
    # A second press on a page that was still open, and a reload: charged once.
    browser.press("pm_card_visa")
    browser.go(made.url or f"/c/pay/{made.id}")
    assert "You are done here" in browser.page and "<form" not in browser.page
    assert len(sim.books.charges) == 1


def test_a_decline_says_so_and_lets_the_payer_try_again(
    client: stripe.StripeClient, sim: StripeSimulator, browser: Browser
) -> None:
    browser.go(a_session(client).url or "")
    browser.press("pm_card_visa_chargeDeclined")
    assert "Your card was declined." in browser.page and browser.left_for is None
    browser.press("pm_usBankAccount_success")
    assert sim.truth.intents()[0].status == "processing"


def test_three_d_secure_asks_and_comes_back(
    client: stripe.StripeClient, sim: StripeSimulator, browser: Browser
) -> None:
    browser.go(a_session(client).url or "")
    browser.press("pm_card_authenticationRequired")
    assert "Is it you who pays?" in browser.page
    browser.press("fail")
    assert "has failed authentication" in browser.page
    browser.press("pm_card_authenticationRequired")
    browser.press("approve")
    assert (browser.left_for or "").startswith("https://shop.example/done")
    assert sim.truth.intents()[0].status == "succeeded"


def test_a_page_that_was_open_when_the_session_expired_tells_only_after_the_press(
    client: stripe.StripeClient, sim: StripeSimulator, browser: Browser
) -> None:
    made = a_session(client)
    browser.go(made.url or "")
    client.v1.checkout.sessions.expire(made.id)
    browser.press("pm_card_visa")
    assert "has expired" in browser.page and browser.left_for is None
    assert sim.truth.intents() == []


def test_looking_at_a_page_changes_nothing(client: stripe.StripeClient, sim: StripeSimulator, browser: Browser) -> None:
    """S16: HEAD, prefetches and reads create nothing at a provider."""
    made = a_session(client)
    for _ in range(3):
        browser.go(made.url or "")
        assert browser.client.head(f"/c/pay/{made.id}").status_code == 200
    assert client.v1.checkout.sessions.retrieve(made.id).status == "open" and sim.truth.intents() == []


def test_an_intent_can_be_paid_on_a_page_of_its_own(
    client: stripe.StripeClient, sim: StripeSimulator, browser: Browser
) -> None:
    made = client.v1.payment_intents.create({"amount": 4500, "currency": "jpy"})
    page = f"/pay/{made.client_secret}?return_url=https://shop.example/back%3Fa%3D1"
    browser.go(page)
    assert "4,500 JPY" in browser.page
    browser.press("pm_card_authenticationRequired")
    browser.press("fail")
    assert "has failed authentication" in browser.page
    browser.press("pm_card_visa")
    left = httpx2.URL(browser.left_for or "")
    assert left.host == "shop.example" and dict(left.params) == {
        "a": "1",
        "payment_intent": made.id,
        "payment_intent_client_secret": made.client_secret,
        "redirect_status": "succeeded",
    }
    browser.go(page)
    assert "Paid." in browser.page and "<form" not in browser.page


@pytest.mark.parametrize("address", ["javascript:alert(1)", "//evil.example", "data:text/html,x"])
def test_a_link_back_is_a_web_address_or_none(client: stripe.StripeClient, browser: Browser, address: str) -> None:
    made = client.v1.payment_intents.create({"amount": 4500, "currency": "usd"})
    browser.go(f"/pay/{made.client_secret}?return_url={address}")
    assert "<a " not in browser.page
    browser.press("pm_card_visa")
    assert browser.left_for is None and "Paid." in browser.page


def test_text_of_others_is_shown_and_never_run(client: stripe.StripeClient, browser: Browser) -> None:
    name = "<script>alert(1)</script>"
    product = {"currency": "usd", "unit_amount": 100, "product_data": {"name": name}}
    browser.go(a_session(client, line_items=[{"price_data": product, "quantity": 1}]).url or "")
    assert "<script" not in browser.page and "&lt;script&gt;" in browser.page


def test_the_front_page_leads_to_what_waits_to_be_paid(client: stripe.StripeClient, browser: Browser) -> None:
    made = a_session(client)
    browser.go("/")
    assert f'href="/c/pay/{made.id}"' in browser.page and "SIMULATOR" in browser.page


def test_a_secret_of_another_intent_opens_no_page(client: stripe.StripeClient, browser: Browser) -> None:
    made = client.v1.payment_intents.create({"amount": 4500, "currency": "usd"})
    assert browser.client.get(f"/pay/{made.id}_secret_guessed").status_code == 404
