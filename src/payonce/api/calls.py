"""What is known of a request before any route sees it: its id, its trace, who calls. Headers are strangers' text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.requests import Request

from payonce.api.settings import Network

SCOPE_KEY: Final = "payonce.call"
# Ids that others made and that are safe to log and to send back.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.:/+=-]{1,128}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]+")
NO_TRACE: Final = Context()
# Longer ones tell nothing more; evidence is kept in numbers.
LONGEST_NOTE: Final = 500
# A home has many IPv6 addresses within one network of this size; they count as one caller.
IPV6_HOME_BITS: Final = 64


@dataclass(slots=True)
class Call:
    """One request. `trace` is `<trace id>-<span id>` as stored with events, or empty; `head` says that no body goes
    out."""

    request_id: str
    trace: str
    context: Context
    headers: Mapping[str, str]
    method: str
    peer: str
    proxies: Sequence[Network]
    # Where this application is mounted: what links in its pages begin with.
    root: str
    body: bytes = b""

    @property
    def head(self) -> bool:
        return self.method == "HEAD"

    @property
    def address(self) -> str:
        """Who calls, as far as it can be told."""
        return caller_address(self.peer, self.headers.get("x-forwarded-for", ""), self.proxies)

    @property
    def neighbourhood(self) -> str:
        """The caller's address, or its IPv6 network: what a limit is counted by."""
        address = self.address
        parsed = _parsed(address) if ":" in address else None
        if isinstance(parsed, IPv6Address):
            return str(IPv6Address(int(parsed) >> (128 - IPV6_HOME_BITS) << (128 - IPV6_HOME_BITS)))
        return address

    def note(self, header: str) -> str | None:
        """A header as evidence: without control characters, shortened; None where it was not sent."""
        text = self.headers.get(header)
        return _UNPRINTABLE.sub(" ", text)[:LONGEST_NOTE] if text is not None else None

    @property
    def wants_page(self) -> bool:
        """Whether the caller asked for HTML by name and not more for JSON. Browsers do; programs that take anything
        do not."""
        return wants_page(self.headers.get("accept", ""))


def call_of(request: Request) -> Call:
    """The call that the frame made for this request."""
    call: Call = request.scope[SCOPE_KEY]
    return call


def begin_call(scope: Mapping[str, Any], new_id: Callable[[], str], proxies: Sequence[Network]) -> Call:
    """Read what the request tells of itself; everything that is malformed counts as not sent."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    request_id = asked_id(headers.get("x-request-id", "")) or new_id()
    context, traced = NO_TRACE, ""
    if "traceparent" in headers:
        context = TraceContextTextMapPropagator().extract(headers)
        span = trace.get_current_span(context).get_span_context()
        traced = f"{span.trace_id:032x}-{span.span_id:016x}" if span.is_valid else ""
    client = scope.get("client") or ("", 0)
    root = scope.get("root_path", "")
    return Call(request_id, traced, context, headers, scope["method"], str(client[0]), proxies, root)


def asked_id(named: str) -> str:
    """The id that a caller gave its request, where it is one that is safe to log and to send back; else nothing."""
    return named if named and _REQUEST_ID.fullmatch(named) else ""


def caller_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """Who really calls: the last address on the way that is not one of our proxies. Without proxies, who is
    connected."""
    if not proxies:
        return peer[:64]
    address = peer
    for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not _is_within(address, proxies):
            break
        address = hop
    parsed = _parsed(address)
    return str(parsed) if parsed else address[:64] if address == peer else peer


def _is_within(address: str, networks: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address.strip("[]"))
    except ValueError:
        return None


def wants_page(accept: str) -> bool:
    """Whether an Accept header asks for HTML by name and not more for JSON."""
    if "html" not in accept.lower():
        return False
    wishes = _wishes(accept)
    html = wishes.get("text/html", 0.0)
    return html > 0 and html >= max(wishes.get("application/json", 0.0), wishes.get("application/problem+json", 0.0))


def _wishes(accept: str) -> dict[str, float]:
    """Media type -> weight, of an Accept header; what is malformed weighs nothing."""
    wishes: dict[str, float] = {}
    for part in accept.lower().split(",")[:32]:
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        try:
            wishes[name] = float(weight)
        except ValueError:
            wishes[name] = 0.0
    return wishes
