"""The page that waits for a payment, with its time in the test's hands: minutes pass at once, and are counted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.provider import Provider
from tests.browser.shopper import expect_back, expect_counters, go_to_provider, link_of, order, pay_there
from tests.browser.views import path_of, place
from tests.support.service import Service
from tests.support.waiting import until

pytestmark = pytest.mark.browser

# E8: a pause before each of the twelve polls.
PAUSES: Final = (5, 10, 20, 40, 40, 40, 40, 40, 40, 40, 40, 40)
HOUR: Final = 3600
BEGIN: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
# What the page asks the service: one refresh, then polls. It marks them by its tab.
ASKS: Final = re.compile(r"/status/[^/?]+(/refresh)?\?tab=")
# Counts the answers that the page has read, where a test can see it.
COUNT: Final = """
    let told = 0;
    document.addEventListener("payonce:status", () => { document.documentElement.dataset.told = told += 1; });
"""
GAVE_UP: Final = "This takes longer than usual, so this page has stopped asking."
LOOKS: Final = "This page looks by itself. Please do not reload it."


@dataclass
class Script:
    """Answers the page's questions instead of the service, and keeps them: a refresh first, then polls."""

    told: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    asked: list[str] = field(default_factory=list)

    def answer(self, route: Route, request: Request) -> None:
        """The answer says how many came before it, so that a test can wait until the page has read it."""
        self.asked.append(request.method)
        known = {"payment": "open", "message": f"Answer {len(self.asked)}.", "counters": {}, "final": False}
        route.fulfill(status=self.status, json=known | {"retry_after": 1} | self.told)


def open_waiting(page: Page, path: str, script: Script | None = None) -> Page:
    """Open the page that waits; its time stands still and passes only by `pass_by`."""
    page.clock.install(time=BEGIN)
    page.clock.pause_at(BEGIN + timedelta(seconds=1))
    page.add_init_script(COUNT)
    if script is not None:
        page.route(ASKS, script.answer)
    page.goto(path)
    expect_told(page, 1)
    return page


def expect_told(page: Page, times: int) -> None:
    """The page has read so many answers, and knows how long to wait for the next."""
    expect(page.locator("html")).to_have_attribute("data-told", str(times))


def pass_by(page: Page, seconds: float) -> Page:
    """Let time pass in the page."""
    page.clock.run_for(round(seconds * 1000))
    return page


def test_it_backs_off_and_gives_up_after_twelve_polls_with_a_message(open_page: OpenPage, service: Service) -> None:
    """E8: backs off 5, 10, 20, then every 40 s, and gives up after 12 polls with a clear message."""
    script = Script()
    page = open_waiting(open_page(), path_of(place(service)["status_url"]), script)
    for before, pause in enumerate(PAUSES, start=1):
        pass_by(page, pause - 1)
        assert len(script.asked) == before, f"it did not wait {pause} s before poll {before}"
        pass_by(page, 1)
        expect(page.get_by_text(GAVE_UP if before == len(PAUSES) else f"Answer {before + 1}.")).to_be_visible()
    expect(page.get_by_text("Nothing is lost and you need not pay again")).to_be_visible()
    expect(page.get_by_text(LOOKS)).to_be_hidden()
    pass_by(page, HOUR)
    assert script.asked == ["POST", *["GET"] * 12]


def test_it_waits_as_long_as_it_is_told(open_page: OpenPage, service: Service) -> None:
    """X11: the answer carries `retry_after`, also when it is 429 with the last known state."""
    script = Script({"retry_after": 33}, status=429)
    page = open_waiting(open_page(), path_of(place(service)["status_url"]), script)
    expect(page.get_by_text("Answer 1.")).to_be_visible()
    pass_by(page, 32)
    assert script.asked == ["POST"]
    pass_by(page, 1)
    expect(page.get_by_text("Answer 2.")).to_be_visible()


def test_it_stops_asking_when_the_state_is_final(open_page: OpenPage, service: Service) -> None:
    """E7: stops when the state is final."""
    script = Script()
    page = open_waiting(open_page(), path_of(place(service)["status_url"]), script)
    expect(page.get_by_text("Answer 1.")).to_be_visible()
    script.told = {"payment": "paid", "message": "Paid. Thank you.", "final": True, "retry_after": None}
    pass_by(page, 5)
    expect(page.get_by_text("Paid. Thank you.")).to_be_visible()
    expect(page.get_by_text(LOOKS)).to_be_hidden()
    expect(page.get_by_role("button", name="Pay")).to_be_hidden()
    pass_by(page, HOUR)
    assert script.asked == ["POST", "GET"]


def test_it_tells_what_became_of_the_payment_without_being_reloaded(open_page: OpenPage, provider: Provider) -> None:
    """E7: asks people not to reload, and tells by itself."""
    shop = open_page()
    order(shop)
    asked: list[str] = []
    # Another person's browser: the clock belongs to all tabs of one, and the shop needs its own time.
    waiting = open_page()
    waiting.on("request", lambda request: asked.append(request.url) if ASKS.search(request.url) else None)
    open_waiting(waiting, link_of(shop, "status"))
    expect(waiting.get_by_text("Not paid yet.")).to_be_visible()
    expect(waiting.get_by_text(LOOKS)).to_be_visible()
    go_to_provider(shop)
    pay_there(shop)
    expect_back(shop)
    expect_counters(shop)
    # A status may come from a cache for a moment, so the page's time only runs fast here, and does not jump.
    until(
        lambda: pass_by(waiting, 0.2).locator("main[data-waiting=over]").count(),
        what="the end of waiting",
    )
    expect(waiting.get_by_text("Paid. Thank you.")).to_be_visible()
    expect(waiting.get_by_text(LOOKS)).to_be_hidden()
    before = len(asked)
    pass_by(waiting, HOUR)
    assert len(asked) == before


def test_a_page_whose_time_runs_ahead_is_held_back_and_keeps_the_last_known_state(
    open_page: OpenPage, service: Service
) -> None:
    """E9: over five requests a minute it is 429 with `Retry-After` and the last known state."""
    page, statuses = open_page(), []
    page.on("response", lambda answer: statuses.append(answer.status) if ASKS.search(answer.url) else None)
    open_waiting(page, path_of(place(service)["status_url"]))
    for told in range(2, 13):
        pass_by(page, 70)
        expect_told(page, told)
        expect(page.get_by_text("Not paid yet.")).to_be_visible()
    assert set(statuses) == {200, 429}


def test_a_network_that_is_gone_for_a_while_is_waited_out(open_page: OpenPage, service: Service) -> None:
    script = Script()
    page = open_waiting(open_page(), path_of(place(service)["status_url"]), script)
    expect(page.get_by_text("Answer 1.")).to_be_visible()
    page.unroute_all()
    page.route(ASKS, lambda route: route.abort("internetdisconnected"))
    with page.expect_event("requestfailed"):
        pass_by(page, 5)
    expect(page.get_by_text("Answer 1.")).to_be_visible()
    expect(page.get_by_text(LOOKS)).to_be_visible()
    page.unroute_all()
    page.route(ASKS, script.answer)
    pass_by(page, 10)
    expect(page.get_by_text("Answer 2.")).to_be_visible()
