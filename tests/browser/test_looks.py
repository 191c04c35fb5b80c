"""Every page for every reader: narrow and wide, light and dark, with a keyboard or a screen reader, and none by
strangers' code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.provider import provider_of
from tests.browser.shopper import GOOD_CARD, expect_back, expect_counters, expect_provider, newest, order, pay_button
from tests.browser.views import View, path_of, place, show, views
from tests.support.service import Service

pytestmark = pytest.mark.browser

AUDIT: Final = (Path(__file__).parent / "audit.js").read_text("utf-8")
WIDTHS: Final = (360, 1280)
SCHEMES: Final = ("light", "dark")
# More than any page has to stop at before its first button that pays.
MOST_STOPS: Final = 30


@pytest.fixture(scope="module")
def every_view(browser: Browser, service: Service) -> Mapping[str, View]:
    """All pages by name, on a service in the states that show them."""
    return views(browser, service, provider_of(service))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_can_be_read_by_everybody(
    open_page: OpenPage, every_view: Mapping[str, View], scheme: str, width: int
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    found: dict[str, object] = {}
    for name, view in every_view.items():
        show(page, view)
        found[name] = page.evaluate(AUDIT)
        assert is_dark(page) is (scheme == "dark"), name
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_shop_can_be_read_by_everybody(open_page: OpenPage, scheme: str, width: int) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    assert page.evaluate(AUDIT) == []
    order(page, "Mountain tea")
    pay_button(page).click()
    page.get_by_role("button", name=GOOD_CARD).click()
    expect_back(page)
    expect_counters(page)
    order(page, "Teapot")
    newest(page).get_by_role("button", name="Click ten times at once").click()
    expect(page.get_by_text("10 clicks, 1 payment session")).to_be_visible()
    assert page.evaluate(AUDIT) == []


def test_the_audit_sees_what_it_looks_for(open_page: OpenPage) -> None:
    page = open_page("/thanks", viewport={"width": 360, "height": 800})
    page.evaluate(
        """() => {
            document.documentElement.lang = "";
            document.querySelector("main").innerHTML = `<h3 id="twice">x</h3><input id="twice"><button></button>
                <p class="quiet"><a href="/" class="second">y</a></p><span class="long">${"long".repeat(40)}</span>`;
            const style = new CSSStyleSheet();
            style.replaceSync("a { color: #bbb !important } button { min-height: 0 !important } ");
            document.adoptedStyleSheets = [style];
        }"""
    )
    told = " ".join(page.evaluate(AUDIT))
    for word in ("no language", "headings 3", "an id twice", "without a label", "nothing to read", "scrolls sideways"):
        assert word in told
    for word in ("leaves the screen", "too low for a finger", "text of contrast"):
        assert word in told


def test_with_a_keyboard_alone_an_order_is_placed_and_paid(open_page: OpenPage) -> None:
    page = open_page()
    press_tab_until(page, page.locator("form.card").first.get_by_role("button"))
    page.keyboard.press("Enter")
    expect(newest(page)).to_contain_text("Mountain tea")
    page.goto("/")
    press_tab_until(page, pay_button(page))
    page.keyboard.press("Enter")
    expect_provider(page)
    press_tab_until(page, page.get_by_role("button", name=GOOD_CARD))
    page.keyboard.press("Space")
    expect_back(page)
    expect_counters(page)


def test_on_the_page_that_waits_the_keyboard_reaches_pay(open_page: OpenPage, service: Service) -> None:
    page = open_page(path_of(place(service)["status_url"]))
    press_tab_until(page, page.get_by_role("button", name="Pay", exact=True))
    page.keyboard.press("Enter")
    expect_provider(page)


def test_what_strangers_wrote_is_shown_and_never_run(open_page: OpenPage, service: Service) -> None:
    page = open_page()
    order(page)
    [cookie] = [each["value"] for each in page.context.cookies() if each["name"] == "payonce_shopper"]
    evil = "<img src=x onerror='window.taken=1'><script>window.taken=1</script>"
    place(service, payer={"reference": f"shopper-{cookie}"}, metadata={"item": evil}, reference=f"{evil}-{cookie[:6]}")
    page.goto("/")
    expect(newest(page)).to_contain_text(evil)
    assert page.evaluate("window.taken") is None
    assert cookie not in page.evaluate("document.cookie")


def test_code_inside_a_page_is_stopped_by_its_policy(browser: Browser, service: Service) -> None:
    context = browser.new_context(base_url=service.base_url)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    for path in ("/", path_of(place(service)["status_url"])):
        said.clear()
        page.goto(path)
        page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.taken = 1";
                document.body.append(script);
                document.body.insertAdjacentHTML("beforeend", "<a id=bait href='#' onclick='window.taken = 1'>x</a>");
                document.getElementById("bait").click();
            }"""
        )
        assert page.evaluate("window.taken") is None
        assert len([line for line in said if "Content Security Policy" in line]) >= 2
    context.close()


def press_tab_until(page: Page, wanted: Locator) -> None:
    """Press Tab until the focus is on `wanted`; every stop on the way is seen."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
            " && parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2"
        ), "the focus is not seen"
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("the keyboard never gets there")


def is_dark(page: Page) -> bool:
    """Whether the text is lighter than what it stands on."""
    ground, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        ".map(colour => colour.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0))"
    )
    return bool(ground < ink)
