"""Draws the pictures of the documents from a real service: `python -m tests.browser.pictures`.

With a folder as its argument it draws every page there as well, narrow and wide, light and dark, to be looked at.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.chromium import running_browser
from tests.browser.provider import provider_of
from tests.browser.shopper import expect_back, expect_counters, go_to_provider, newest, order, pay_there
from tests.browser.views import show, views
from tests.project.tree import ROOT
from tests.support.service import Service

# As wide as the README shows a picture without shrinking it much, and as high as one looks at a time.
README: Final = ViewportSize(width=1100, height=840)
WIDTHS: Final = (360, 1280)
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


def stock(page: Page) -> None:
    """Leave the shop with one order that is paid and one that waits for its payer."""
    page.goto("/")
    order(page, "Teapot")
    go_to_provider(page)
    pay_there(page)
    expect_back(page)
    expect_counters(page)
    order(page, "Mountain tea")
    newest(page).get_by_role("button", name="Click ten times at once").click()
    expect(page.get_by_text("10 clicks, 1 payment session")).to_be_visible()
    expect(newest(page)).to_contain_text("Waiting for the payment.")
    # The page scrolled to the new order, and the pointer stands on what was pressed.
    page.evaluate("window.scrollTo(0, 0)")
    page.mouse.move(0, 0)


def draw_shop(browser: Browser, service: Service, path: Path) -> None:
    """The picture of the README's first screen."""
    page = browser.new_page(base_url=service.base_url, viewport=README, color_scheme="light")
    stock(page)
    page.screenshot(path=path)
    page.close()


def draw_everything(browser: Browser, service: Service, folder: Path) -> None:
    """Every page, as `name-width-scheme.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    seen = views(browser, service, provider_of(service))
    for width in WIDTHS:
        for scheme in SCHEMES:
            size = ViewportSize(width=width, height=800)
            page = browser.new_page(base_url=service.base_url, viewport=size, color_scheme=scheme)
            stock(page)
            page.screenshot(path=folder / f"shop-{width}-{scheme}.png", full_page=True)
            for name, view in seen.items():
                show(page, view)
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
            page.close()


def main() -> None:
    """Start a service, draw, stop it."""
    images = ROOT / "docs" / "images"
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, running_browser() as browser:
        service = Service(Path(home)).start()
        try:
            draw_shop(browser, service, images / "shop.png")
            for folder in sys.argv[1:]:
                draw_everything(browser, service, Path(folder))
        finally:
            service.stop()


if __name__ == "__main__":
    main()
