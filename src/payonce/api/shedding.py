"""Who comes while too much is under way is told to come back by the head of the request alone: nothing of it is
decoded, read, verified or written down, so that a flood takes next to nothing from those who are served.

What is said is made once, by what says everything else, and has a place for the request's id. A server that knows of
this asks before it makes anything of a request (`listening`); in any other one the frame asks. Nothing is refused here
that would not be refused anyway: what is not known at once, is not answered here.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from payonce.api.calls import NO_TRACE, SCOPE_KEY, Call, asked_id, wants_page
from payonce.api.load import Load, TooMuch
from payonce.base.errors import PayonceError

LOG: Final = structlog.get_logger("payonce.api")
# A flood is a line in this time, with its number, whatever its size.
LINE_SECONDS: Final = 1.0
# Where the application is mounted is part of what a page says; there are few such places.
MOST_KEPT: Final = 64
# Stands where a request's id will; as such an id may look, so that nothing is escaped in it.
_PLACE: Final = "req_of_whoever_is_turned_away"

Headers = Iterable[tuple[bytes, bytes]]


class Told:
    """An answer that is ready but for the id of its request."""

    __slots__ = ("_body", "_head", "_headers", "_size", "status")

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status = status
        self._body = body.split(_PLACE.encode())
        self._size = sum(map(len, self._body))
        self._headers = [(name, value) for name, value in headers if name not in (b"content-length", b"x-request-id")]
        self._head = b"".join(b"%b: %b\r\n" % header for header in self._headers)

    def bytes(self, status_line: bytes, more: bytes, request_id: str) -> bytes:
        """The answer as HTTP/1.1 writes it, with the lines `more` in its head."""
        own = request_id.encode()
        size = self._size + len(own) * (len(self._body) - 1)
        return b"%b%b%bx-request-id: %b\r\ncontent-length: %d\r\n\r\n%b" % (
            status_line, more, self._head, own, size, own.join(self._body),
        )  # fmt: skip

    async def say(self, send: Send, request_id: str) -> None:
        """The answer as ASGI sends it."""
        own = request_id.encode()
        body = own.join(self._body)
        headers = [*self._headers, (b"x-request-id", own), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Shed:
    """What was told to come back: counted for `/metrics`, and a line of the log in a second."""

    def __init__(self, count: Callable[[TooMuch], object]) -> None:
        self._count = count
        self._since_line: Counter[str] = Counter()

    def note(self, what: TooMuch) -> None:
        """Count one: deliveries, reads, keys, requests, bodies."""
        self._count(what)
        if not self._since_line:
            asyncio.get_running_loop().call_later(LINE_SECONDS, self._write, context=contextvars.Context())
        self._since_line[what] += 1

    def _write(self) -> None:
        LOG.warning("told_to_come_back", seconds=LINE_SECONDS, **self._since_line)
        self._since_line.clear()


class Door:
    """Where a request comes in. `lane_of` says of a path whose deliveries come there and what its provider is told
    (None: as everybody), `is_full` whether too many of them wait, `draw` makes of an error what is said."""

    def __init__(
        self,
        load: Load,
        shed: Shed,
        *,
        new_id: Callable[[], str],
        lane_of: Callable[[str], tuple[str, tuple[int, Sequence[tuple[bytes, bytes]], bytes] | None] | None],
        is_full: Callable[[str], bool],
        too_many: Callable[[], PayonceError],
        draw: Callable[[Request, PayonceError], Response],
        safe: Sequence[tuple[bytes, bytes]],
    ) -> None:
        self._load = load
        self._shed = shed
        self._new_id = new_id
        self._lane_of = lane_of
        self._is_full = is_full
        self._too_many = too_many
        self._draw = draw
        self._safe = safe
        # By path: whose deliveries come there, and what its provider hears. Only of paths that lead to an account.
        self._lanes: dict[str, tuple[str, Told | None]] = {}
        self._told: dict[tuple[str, bool, str], Told] = {}

    def refusal(self, method: str, path: str, headers: Headers, root: str) -> tuple[Told, str] | None:
        """What is said to this request, and its id; None: let it in. It is counted here."""
        if method == "HEAD":
            return None
        what: TooMuch
        if path.startswith("/webhooks/"):
            found = self._lane(path) if method == "POST" else None
            if found is None or not self._is_full(found[0]):
                return None
            told, what = found[1], "deliveries"
        elif not self._load.is_full_for(path):
            return None
        else:
            told, what = None, "requests"
        self._shed.note(what)
        given = accept = b""
        for name, value in headers:
            if name == b"x-request-id":
                given = value
            elif name == b"accept":
                accept = value
        request_id = asked_id(given.decode("latin-1")) or self._new_id()
        return told or self._problem(what, path, accept.decode("latin-1"), root), request_id

    def _lane(self, path: str) -> tuple[str, Told | None] | None:
        known = self._lanes.get(path)
        if known is None:
            found = self._lane_of(path)
            if found is None:
                return None
            lane, said = found
            known = self._lanes[path] = (lane, None if said is None else self._made(*said))
        return known

    def _problem(self, what: str, path: str, accept: str, root: str) -> Told:
        is_page = wants_page(accept) and not path.startswith("/v1")
        key = (what, is_page, root)
        told = self._told.get(key)
        if told is None:
            if len(self._told) >= MOST_KEPT:
                self._told.clear()
            told = self._told[key] = self._drawn(what, path, accept, root)
        return told

    def _drawn(self, what: str, path: str, accept: str, root: str) -> Told:
        error = self._too_many() if what == "deliveries" else self._load.too_many()
        call = Call(_PLACE, "", NO_TRACE, {"accept": accept}, "GET", "", (), root)
        scope = {"type": "http", "method": "GET", "path": root + path, "root_path": root, "headers": [],
                 "query_string": b"", "path_params": {}, SCOPE_KEY: call}  # fmt: skip
        response = self._draw(Request(scope), error)
        return self._made(response.status_code, response.raw_headers, bytes(response.body))

    def _made(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Told:
        said = {name for name, _ in headers}
        return Told(status, [*headers, *(header for header in self._safe if header[0] not in said)], body)
