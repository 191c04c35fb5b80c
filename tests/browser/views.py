"""Every page that a person can meet, each on a service in the state that shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from typing import Any, Final
from uuid import uuid4

from playwright.sync_api import Browser, Page, expect

from tests.browser.provider import Provider
from tests.support.service import Caller, Service

# A link-preview agent: the page for it is the page of everybody who opens a link and does not want to pay.
AGENT: Final = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"
_NUMBERS: Final = count(1)


@dataclass(frozen=True, slots=True)
class View:
    """A page, by its path or whole address; `status` is what it answers, `agent` who looks if it is no browser."""

    path: str
    status: int = 200
    agent: str = ""


def place(service: Service, **more: Any) -> dict[str, Any]:
    """An order that an application placed by the API; its payment link was sent to somebody."""
    number = next(_NUMBERS)
    body = {
        "reference": f"R-{number}", "purpose": f"fee:{number}", "amount_minor": 4500, "currency": "USD",
        "payer": {"reference": f"player-{number}"},
    }  # fmt: skip
    return Caller(service.base_url).post_until("/v1/orders", body | more, key=uuid4().hex)


def begin(service: Service, order: dict[str, Any], **wish: Any) -> dict[str, Any]:
    """A checkout that an application began, the way it wished."""
    return Caller(service.base_url).post_until(f"/v1/orders/{order['id']}/checkout", wish, key=uuid4().hex)


def path_of(url: str) -> str:
    """What comes after the address of the service."""
    return "/" + url.split("/", 3)[3]


def views(browser: Browser, service: Service, provider: Provider) -> dict[str, View]:
    """Name -> page. The states that need a person at the provider's page are made by one, in a browser of its own."""
    waiting, processing, paid, coins, left = (place(service) for _ in range(5))
    closed = place(service, success_url="https://shop.example/thanks", cancel_url="https://shop.example/basket")
    context = browser.new_context(base_url=service.base_url)
    page = context.new_page()
    for order, button in ((processing, "Pay by bank debit"), (paid, "Pay with a good card")):
        page.goto(order["pay_url"])
        page.get_by_role("button", name=button).click()
        page.wait_for_url(re.compile("/status/"))
    expect(page.get_by_text("Paid. Thank you.")).to_be_visible()
    page.goto(waiting["pay_url"])
    sheet = page.url
    context.close()
    caller = Caller(service.base_url)
    caller.post(f"/v1/orders/{closed['id']}/cancel", {}, key=uuid4().hex)
    begin(service, coins, provider="nowpayments", flow="payment")
    begin(service, left, provider="nowpayments", flow="payment")
    caller.post(f"/v1/orders/{left['id']}/cancel", {}, key=uuid4().hex)
    return {
        "preview": View(path_of(waiting["pay_url"]), agent=AGENT),
        "waiting": View(path_of(waiting["status_url"])),
        "instructions": View(path_of(coins["pay_url"])),
        "begun": View(path_of(coins["status_url"])),
        "processing": View(path_of(processing["pay_url"]), 202),
        "paid": View(path_of(paid["status_url"])),
        "pay-again": View(path_of(paid["pay_url"]), 409),
        "closed": View(path_of(closed["status_url"])),
        "pay-closed": View(path_of(closed["pay_url"]), 410),
        "left-behind": View(path_of(left["status_url"])),
        "pay-left-behind": View(path_of(left["pay_url"]), 410),
        "unknown-link": View("/pay/" + "a" * 26, 404),
        "unknown-page": View("/nothing/here", 404),
        "thanks": View("/thanks"),
        "meaning": View("/problems/order_paid"),
        "reference": View("/v1/docs"),
        "provider": View(sheet),
    }


def show(page: Page, view: View) -> None:
    """Open it."""
    page.set_extra_http_headers({"User-Agent": view.agent} if view.agent else {})
    answer = page.goto(view.path)
    assert answer is not None
    assert (answer.status, page.url.endswith(view.path)) == (view.status, True), f"{view.path} led to {page.url}"
