"""A real service with its simulator, and a real Chromium to look at it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import running_browser
from tests.browser.provider import Provider, provider_of
from tests.support.service import Service
from tests.support.waiting import DEADLINE_SECONDS

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`payonce serve` with an embedded database and the simulator, as a newcomer starts it."""
    running = Service(tmp_path_factory.mktemp("service")).start()
    yield running
    running.stop()


@pytest.fixture
def provider(service: Service) -> Iterator[Provider]:
    """The simulated provider, which behaves again when the test is over."""
    found = provider_of(service)
    yield found
    found.behave()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window. Its driver occupies the thread's event loop, so it ends with its module."""
    with running_browser() as found:
        yield found


@pytest.fixture
def open_page(browser: Browser, service: Service) -> Iterator[OpenPage]:
    """Opens pages: `like` another page for a second tab of the same person, else of somebody who starts anew.

    A test fails by an error or a warning in any page's console, such as code that the page's policy stops.
    """
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def make(path: str = "/", *, like: Page | None = None, **options: object) -> Page:
        if like is None:
            contexts.append(browser.new_context(base_url=service.base_url, **options))  # type: ignore[arg-type]
            contexts[-1].set_default_timeout(DEADLINE_SECONDS * 1000)
        page = (like.context if like is not None else contexts[-1]).new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if _is_complaint(said.type, said.text) else None)
        page.goto(path)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def _is_complaint(kind: str, text: str) -> bool:
    """Whether a person should never see it. Refusals are told on the page; the browser notes their status as well."""
    is_refusal = text.startswith("Failed to load resource") and "status of 500" not in text
    return kind in ("error", "warning") and not is_refusal
