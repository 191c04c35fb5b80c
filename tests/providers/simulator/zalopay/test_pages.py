"""The payer's page, used as a browser without scripts would: read, press a button, follow."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from payonce.providers.simulator.wire import Reply
from payonce.providers.simulator.zalopay import ZaloPaySimulator
from tests.providers.simulator.zalopay.merchant import ATTEMPT, KEY2, Merchant, code
from tests.providers.simulator.zalopay.test_orders import codes

FORM = {"content-type": "application/x-www-form-urlencoded"}


class Browser:
    """Follows redirects within the simulator; stops at the shop's address."""

    def __init__(self, sim: ZaloPaySimulator) -> None:
        self.sim = sim
        self.page = ""
        self.status = 0
        self.left_for: str | None = None

    def go(self, address: str, method: str = "GET") -> None:
        """Open an address."""
        self._follow(self._ask(method, address))

    def press(self, value: str) -> None:
        """Press the button with this value on the page."""
        action = re.search(r'<form method="post" action="([^"]*)">', self.page)
        button = re.search(rf'<button name="(\w+)" value="{value}"', self.page)
        assert action is not None and button is not None, self.page
        self._follow(self._ask("POST", unescape(action[1]), urlencode({button[1]: value}).encode()))

    def _ask(self, method: str, address: str, body: bytes = b"") -> Reply:
        parts = urlsplit(address)
        return self.sim.handle(method, parts.path, parts.query, FORM, body)

    def _follow(self, reply: Reply) -> None:
        while reply.status == 303:
            target = reply.header("location") or ""
            if not target.startswith("/"):
                self.left_for = target
                return
            reply = self._ask("GET", target)
        self.page, self.status = reply.body.decode(), reply.status
        assert (reply.header("content-type") or "").startswith("text/html")


@pytest.fixture
def browser(sim: ZaloPaySimulator) -> Browser:
    return Browser(sim)


def opened(browser: Browser, merchant: Merchant, **changes: Any) -> str:
    """A page of a new order; its address."""
    url: str = merchant.create(**changes)["order_url"]
    browser.go(url)
    return url


def told(address: str | None) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address or "").query, keep_blank_values=True))


def test_the_page_says_that_no_real_money_moves_and_what_is_to_pay(merchant: Merchant, browser: Browser) -> None:
    opened(browser, merchant)
    assert "SIMULATOR" in browser.page and "50,000 VND" in browser.page and "First fee of player 27" in browser.page
    assert "ZaloPay simulator" in browser.page and "<script" not in browser.page


def test_paying_leads_back_to_the_shop_with_what_zalopay_adds(
    sim: ZaloPaySimulator, merchant: Merchant, browser: Browser
) -> None:
    url = opened(browser, merchant)
    browser.press("pay")
    left = told(browser.left_for)
    assert (browser.left_for or "").startswith("https://shop.example/back?order=7&")
    assert (left["apptransid"], left["amount"], left["status"]) == (merchant.name(), "50000", "1")
    signed = ("appid", "apptransid", "pmcid", "bankcode", "amount", "discountamount", "status")
    assert left["checksum"] == code(KEY2, "|".join(left[name] for name in signed))
    # A second press on a page that was still open, and a reload: charged once.
    browser.press("pay")
    browser.go(url)
    assert "Paid." in browser.page and "<form" not in browser.page
    assert len(sim.truth.captures_by_attempt()[ATTEMPT]) == 1 and len(sim.due_deliveries()) == 1


def test_leaving_the_page_ends_nothing(sim: ZaloPaySimulator, merchant: Merchant, browser: Browser) -> None:
    opened(browser, merchant)
    browser.press("cancel")
    assert told(browser.left_for)["status"] == "-49"
    assert sim.truth.payable_attempts() == {ATTEMPT} and codes(merchant.query()) == (3, 3)


def test_a_try_that_fails_says_so_and_lets_the_payer_try_again(
    sim: ZaloPaySimulator, merchant: Merchant, browser: Browser
) -> None:
    opened(browser, merchant)
    browser.press("decline")
    assert "Nothing was charged" in browser.page and browser.left_for is None
    browser.press("pay")
    assert list(sim.truth.captures_by_attempt()) == [ATTEMPT]


def test_a_slow_payment_waits_for_the_bank(sim: ZaloPaySimulator, merchant: Merchant, browser: Browser) -> None:
    url = opened(browser, merchant)
    browser.press("wait")
    assert told(browser.left_for)["status"] == "3" and merchant.query()["is_processing"] is True
    browser.go(url)
    assert "The bank is working on it." in browser.page
    browser.press("settle")
    browser.go(url)
    assert "Paid." in browser.page and list(sim.truth.captures_by_attempt()) == [ATTEMPT]


def test_a_bank_can_say_no(sim: ZaloPaySimulator, merchant: Merchant, browser: Browser) -> None:
    url = opened(browser, merchant)
    browser.press("wait")
    browser.go(url)
    browser.press("fail")
    assert "Nothing was charged" in browser.page and sim.truth.captures_by_attempt() == {}


@pytest.mark.parametrize(("end", "text"), [("cancel", "was cancelled"), ("expire", "The time to pay")])
def test_a_page_that_was_open_when_the_order_ended_tells_only_after_the_press(
    sim: ZaloPaySimulator, merchant: Merchant, browser: Browser, end: str, text: str
) -> None:
    opened(browser, merchant)
    if end == "cancel":
        merchant.cancel()
    else:
        sim.advance(900)
    browser.press("pay")
    assert text in browser.page and browser.left_for is None and sim.truth.captures_by_attempt() == {}


def test_looking_at_a_page_changes_nothing(sim: ZaloPaySimulator, merchant: Merchant, browser: Browser) -> None:
    """S16: HEAD, prefetches and reads create nothing at a provider."""
    url = opened(browser, merchant)
    before = sim.truth.dump()
    for method in ("GET", "HEAD"):
        browser.go(url, method)
    browser.go("/")
    assert sim.truth.dump() == before


@pytest.mark.parametrize("address", ["javascript:alert(1)", "//evil.example", "data:text/html,x", "http://[", 7])
def test_a_link_back_is_a_web_address_or_none(
    sim: ZaloPaySimulator, merchant: Merchant, browser: Browser, address: object
) -> None:
    opened(browser, merchant, embed_data=json.dumps({"redirecturl": address}))
    assert "<a " not in browser.page
    browser.press("pay")
    assert browser.left_for is None and "Paid." in browser.page


def test_text_of_others_is_shown_and_never_run(merchant: Merchant, browser: Browser) -> None:
    opened(browser, merchant, description="<script>alert(1)</script>")
    assert "<script" not in browser.page and "&lt;script&gt;" in browser.page


def test_the_front_page_leads_to_what_waits_to_be_paid(merchant: Merchant, browser: Browser) -> None:
    url = opened(browser, merchant)
    browser.go("/")
    assert f'href="{url}"' in browser.page and "SIMULATOR" in browser.page


@pytest.mark.parametrize("order", ["", "guessed", "e30", "W10", "bnVsbA", "eyJ6cHRyYW5zdG9rZW4iOjd9", "%ff"])
def test_an_address_that_was_never_told_opens_no_page(merchant: Merchant, browser: Browser, order: str) -> None:
    merchant.create()
    browser.go(f"/openinapp?order={order}")
    assert browser.status == 404
    browser.go("/elsewhere")
    assert browser.status == 404
    browser.go("/", "DELETE")
    assert browser.status == 405
