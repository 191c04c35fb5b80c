"""What a browser sent: the fields of a form, the query, and addresses of others that a link may lead to."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from payonce.providers.simulator.wire import Request


def field(request: Request, name: str) -> str:
    """The value of a form's field, or nothing."""
    return parse_qs(request.body.decode("utf-8", "replace")).get(name, [""])[0]


def query(request: Request, name: str) -> str:
    """The value of a name in the query, or nothing."""
    return parse_qs(request.query).get(name, [""])[0]


def web_address(text: str) -> str:
    """`text` when it is an http or https address, else nothing: a link here never runs a script."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc else ""
