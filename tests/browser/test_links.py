"""Links that were sent to somebody: a program that looks makes nothing, a person is led on, with scripts or without."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.provider import Provider
from tests.browser.shopper import expect_back, expect_provider, link_of, newest, order, pay_button, pay_there
from tests.browser.views import AGENT, path_of, place
from tests.support.service import Service

pytestmark = pytest.mark.browser


def test_a_bot_gets_a_preview_whose_button_still_leads_a_person_on(
    open_page: OpenPage, service: Service, provider: Provider
) -> None:
    """D3: link-preview bots create nothing and get a preview page (200)."""
    sent = place(service)
    page = open_page(path_of(sent["pay_url"]), user_agent=AGENT)
    expect(page.get_by_text("Nothing is charged by looking at it.")).to_be_visible()
    assert page.locator("meta[property='og:title']").get_attribute("content") == "Payment link"
    assert provider.sessions(sent["id"]) == []
    page.get_by_role("button", name="Continue to payment").click()
    expect_provider(page)
    assert len(provider.sessions(sent["id"])) == 1


def test_a_page_that_only_names_a_payment_link_makes_nothing(
    open_page: OpenPage, service: Service, provider: Provider
) -> None:
    """D3: what is no person's visit creates nothing."""
    sent = place(service)
    page = open_page()
    statuses = page.evaluate(
        """async (path) => {
            const asked = await fetch(path, { redirect: "manual" });
            const image = new Image();
            await new Promise((done) => { image.onload = image.onerror = done; image.src = path; });
            return asked.status;
        }""",
        path_of(sent["pay_url"]),
    )
    assert statuses == 200
    assert provider.sessions(sent["id"]) == []


def test_a_link_leads_to_the_provider_and_from_there_to_the_page_that_tells(
    open_page: OpenPage, service: Service, provider: Provider
) -> None:
    """D1: GET of a payment link leads the person to the provider's page."""
    sent = place(service)
    page = open_page(path_of(sent["pay_url"]))
    expect_provider(page)
    pay_there(page)
    page.wait_for_url(re.compile("/status/"))
    expect(page.get_by_text("Paid. Thank you.")).to_be_visible()
    assert provider.captures(sent["id"]) == [4500]


def test_an_unknown_link_says_so_and_what_to_do(open_page: OpenPage) -> None:
    page = open_page("/pay/" + "a" * 26)
    expect(page.get_by_role("heading", name="This link leads nowhere")).to_be_visible()
    expect(page.get_by_text("Open it again from the message you got.")).to_be_visible()


def test_without_scripts_everything_can_be_read_and_paid(open_page: OpenPage, provider: Provider) -> None:
    page = open_page("/", java_script_enabled=False)
    bought = order(page)
    status = open_page(link_of(page, "status"), like=page)
    expect(status.get_by_text("Not paid yet.")).to_be_visible()
    with status.expect_navigation():
        status.get_by_role("button", name="Look again").click()
    expect(status.get_by_text("Not paid yet.")).to_be_visible()
    assert "As of " in status.content()
    status.get_by_role("button", name="Pay", exact=True).click()
    expect_provider(status)
    pay_button(page).click()
    expect_provider(page)
    assert page.url == status.url
    pay_there(page)
    expect_back(page)
    page.get_by_role("link", name="status").click()
    again = page.get_by_role("button", name="Look again")
    if again.count():
        again.click()
    expect(page.get_by_text("Paid. Thank you.")).to_be_visible()
    page.goto("/")
    expect(newest(page)).to_contain_text("Paid. Thank you.")
    answer = page.goto(link_of(page, "payment link"))
    assert answer is not None and answer.status == 409
    expect(page.get_by_role("heading", name="This is paid")).to_be_visible()
    assert provider.captures(bought) == [1900]
