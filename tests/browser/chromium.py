"""The Chromium that is installed on the machine: `make setup-browser` finds or installs one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.waiting import DEADLINE_SECONDS

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# It looks at the service under test and at nothing else: no graphics card, nothing fetched or synchronised by itself.
FLAGS: Final = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync", "--disable-background-networking",
    "--disable-component-update",
)  # fmt: skip


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser without a window, with a new and empty profile."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert path is not None, "there is no Chromium on the PATH; run `make setup-browser`"
    # Chromium refuses its sandbox to root, who runs the tests in a container.
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []
    expect.set_options(timeout=DEADLINE_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*FLAGS, *alone], timeout=DEADLINE_SECONDS * 1000
        )
        try:
            yield browser
        finally:
            browser.close()
