"""What a person does in the shop, on the provider's page and afterwards. Everything waits for what it expects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from playwright.sync_api import Locator, Page, expect

GOOD_CARD: Final = "Pay with a good card"
DECLINED: Final = "Try a card that is declined"
ASKED: Final = "Pay with a card that asks for 3-D Secure"
DEBIT: Final = "Pay by bank debit"


def newest(page: Page) -> Locator:
    """The order that was placed last."""
    return page.locator("article.order").first


def order(page: Page, item: str = "Porcelain cup") -> str:
    """Order something from the shelf; the order's id."""
    page.locator("form.card", has_text=item).get_by_role("button", name="Order").click()
    page.wait_for_url(re.compile("#ord_"))
    expect(newest(page)).to_contain_text(item)
    return page.url.rpartition("#")[2]


def pay_button(page: Page) -> Locator:
    """The newest order's way to pay."""
    return newest(page).get_by_role("button", name="Pay", exact=True)


def go_to_provider(page: Page) -> str:
    """Press Pay; the address of the provider's page."""
    pay_button(page).click()
    expect_provider(page)
    return page.url


def expect_provider(page: Page) -> None:
    """The provider's page is there."""
    expect(page.get_by_text("SIMULATOR: no real money")).to_be_visible()


def pay_there(page: Page, how: str = GOOD_CARD) -> None:
    """Press a button of the provider's page."""
    page.get_by_role("button", name=how).click()


def expect_back(page: Page) -> None:
    """The shop is there again, after the provider led back to it."""
    page.wait_for_url(re.compile("paid="))


def expect_counters(page: Page, told: Sequence[str] = ("1", "1", "1")) -> None:
    """The newest order is charged, recorded and fulfilled so many times."""
    expect(newest(page).locator("dl.counters dd")).to_have_text(list(told))


def link_of(page: Page, name: str) -> str:
    """Where the newest order's `payment link` or `status` leads."""
    path = newest(page).get_by_role("link", name=name).get_attribute("href")
    assert path is not None
    return path
