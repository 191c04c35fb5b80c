"""The pieces of a page. Every text is escaped here, and here only."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from payonce.providers.simulator.wire import Reply

BACK: Final = "Go back to the shop"
STYLE: Final = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
FRAME: Final = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS: Final = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    # No form-action: the shop's own address is the target of a redirect that follows a form.
    ("Content-Security-Policy", f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


def frame(simulator: str, status: int, title: str, content: str) -> Reply:
    """A whole page of the named simulator; `content` is HTML made by the functions below."""
    text = FRAME.substitute(simulator=escape(simulator), title=escape(title), style=STYLE, content=content)
    return Reply(status, HEADERS, text.encode())


def go(address: str) -> Reply:
    """Send the browser on; what it did is not done again by a reload."""
    return Reply(303, (("Location", address), ("Cache-Control", "no-store")))


def heading(title: str, amount: str) -> str:
    """What is paid, and how much."""
    return f'<h1>{escape(title)}</h1>\n<p class="amount">{escape(amount)}</p>\n'


def rows(pairs: Iterable[tuple[str, str]]) -> str:
    """A table of names and values."""
    lines = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f"<table>{lines}</table>\n"


def note(text: str, kind: str = "") -> str:
    """A sentence that stands out; `kind` is good, bad or nothing."""
    return f'<p class="note {kind}" role="status">{escape(text)}</p>\n'


def buttons(action: str, name: str, choices: Iterable[tuple[str, str]]) -> str:
    """A form in which each button sends its own value."""
    lines = "".join(
        f'<button name="{name}" value="{escape(value)}"{" class=main" if first == 0 else ""}>{escape(text)}</button>\n'
        for first, (value, text) in enumerate(choices)
    )
    return f'<form method="post" action="{escape(action)}">\n{lines}</form>\n'


def link(address: str, text: str) -> str:
    """A link that looks like a button."""
    return f'<p><a class="button" href="{escape(address)}">{escape(text)}</a></p>\n'


def small(text: str) -> str:
    """An id at the foot of the page."""
    return f'<p class="id">{escape(text)}</p>\n'
