"""HTTP/1.1 as the service speaks it: uvicorn's own protocol, held within bounds for strangers.

The fast parser has no bounds of its own: a head without end fills the memory, one that never ends keeps a connection
for ever, and fields behind a body ("trailers") would pass for headers, past a proxy that writes X-Forwarded-For. Here a
head is small and comes soon, a message ends somewhere, trailers are nobody's headers, and there are only so many
connections. The body's own limit is the frame's. Whoever mounts the application in another server has that
server's bounds.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from payonce.api.shedding import Told
from payonce.base.strict_json import LARGEST_BODY_BYTES

# What other servers take; a provider's head has one or two kilobytes.
LARGEST_HEAD_BYTES: Final = 64 * 1024
# A body in pieces of one byte takes six times its size on the wire; nobody honest sends such pieces.
LARGEST_MESSAGE_BYTES: Final = 8 * LARGEST_BODY_BYTES
# A head is a packet or two. Who needs longer is holding a connection.
HEAD_SECONDS: Final = 20.0
# Each waits with a few tens of kilobytes; the requests of more could not be answered in time anyway.
MOST_CONNECTIONS: Final = 4096
# uvloop accepts one connection for each handle that listens and for each turn of its loop, which takes as long as
# deciding a group of webhooks: with one handle a few dozen a second, while thousands wait. With so many each turn takes
# as many, and a lone connection costs as many looks at an empty queue, a few microseconds.
DOORS: Final = 16
# Descriptors that are left to the database, to providers and to files.
SPARE_DESCRIPTORS: Final = 256
RETRY_SECONDS: Final = 2
# To close while the other side still sends makes its system throw away what it was told; it gets this long to read it.
LINGER_SECONDS: Final = 2.0
LAST_LOOK_SECONDS: Final = 0.05
MOST_LINGERING_BYTES: Final = LARGEST_BODY_BYTES
_GO_ON: Final = b"HTTP/1.1 100 "
_WORDS: Final = {
    400: "Invalid HTTP request received.",
    408: "The head of the request did not come in time.",
    413: "The message has no end.",
    431: "The head of the request is too large.",
    503: "Too many connections.",
}


def most_connections() -> int:
    """How many connections there may be at once: fewer where the system gives the process few descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(16, min(MOST_CONNECTIONS, soft - SPARE_DESCRIPTORS))


def most_refused() -> int:
    """How many connections there may be with those that are only told to come again; more are cut off."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2 * MOST_CONNECTIONS
    return max(most_connections(), min(2 * MOST_CONNECTIONS, soft - SPARE_DESCRIPTORS // 2))


class Together:
    """The transport of one answer. Its head goes out with the first of its body: one call of the system and one packet
    for what uvicorn sends in two. ASGI lets a server wait for it."""

    __slots__ = ("_head", "_on_response", "_transport")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._transport = cycle.transport
        self._on_response = cycle.on_response
        # None before it came, empty when it is out.
        self._head: bytes | None = None
        cycle.transport = cast(asyncio.Transport, self)
        cycle.on_response = self._complete

    def write(self, data: bytes) -> None:
        """Write what comes behind the head, and the head with it."""
        if self._head:
            data, self._head = self._head + data, b""
        elif self._head is None and not data.startswith(_GO_ON):
            self._head = data
            return
        self._transport.write(data)

    def is_closing(self) -> bool:
        """As of the transport."""
        return self._transport.is_closing()

    def close(self) -> None:
        """End the connection when all is out."""
        self._flush()
        self._transport.close()

    def _complete(self) -> None:
        # An answer without a body is its head.
        self._flush()
        self._on_response()

    def _flush(self) -> None:
        if self._head:
            self._transport.write(self._head)
            self._head = b""


# Method, path without its prefix, headers and prefix -> what is answered at once and the request's id; None: go on.
Refusing = Callable[[str, str, Iterable[tuple[bytes, bytes]], str], tuple[Told, str] | None]


def doors(listener: socket.socket) -> list[socket.socket]:
    """The socket as often as connections are to be accepted in a turn of the event loop."""
    return [listener, *(listener.dup() for _ in range(DOORS - 1))]


class BoundedHttp(HttpToolsProtocol):
    """One connection. `refusal` is asked of every head."""

    def __init__(self, *given: Any, refusal: Refusing = lambda *head: None, **named: Any) -> None:
        super().__init__(*given, **named)
        self._refusal = refusal
        # Whether the message that is being read is answered already, and what is left of it is thrown away; and whether
        # the connection ends with it.
        self._is_shed = self._is_last = False
        # What came of the message that is being read, and whether that is still its head.
        self._came = 0
        self._in_head = True
        self._status = 400
        self._patience: asyncio.TimerHandle | None = None
        self._most, self._most_refused = most_connections(), most_refused()
        self._is_beyond = False
        self._is_over = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        if len(self.connections) <= self._most:
            self._await_head()
        elif len(self.connections) <= self._most_refused:
            # It is told when its request is here: before that, its system would throw away what it was told.
            self._is_beyond = True
            self._wait(LINGER_SECONDS, self._refuse, 503)
        else:
            self._refuse(503)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._came += len(data)
        if self._is_over:
            if self._came > MOST_LINGERING_BYTES:
                self.transport.close()
            return
        if self._is_beyond:
            self._refuse(503)
            return
        super().data_received(data)
        if self._patience is None:
            if self._is_shed:
                # Most come whole. What is left of this one has as long as whoever is refused has to read it.
                self._wait(LINGER_SECONDS, self.transport.close)
            elif self._in_head and self._came:
                self._await_head()
        if self._came > (LARGEST_HEAD_BYTES if self._in_head else LARGEST_MESSAGE_BYTES):
            self._refuse(431 if self._in_head else 413)

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > LARGEST_HEAD_BYTES:
            self._status = 431
            # The parser makes an error of it, which ends the connection with the answer below.
            raise ValueError("the head is too large")
        if not self._shed():
            before: RequestResponseCycle | None = self.cycle
            super().on_headers_complete()
            if self.cycle is not before:
                # Its task has not begun yet.
                Together(self.cycle)
        self._in_head = False

    def on_body(self, body: bytes) -> None:
        if not self._is_shed:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._came, self._in_head = 0, True
        if not self._is_shed:
            super().on_message_complete()
            return
        self._is_shed = False
        self._stop_waiting()
        if self._is_last:
            self.transport.close()
        else:
            # Several messages may come in one piece.
            self._unset_keepalive_if_required()
            idle = self.timeout_keep_alive
            self.timeout_keep_alive_task = self.loop.call_later(idle, self.timeout_keep_alive_handler)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; also in the middle of a body, when the answer may be on its way already."""
        self._refuse(self._status)

    def _shed(self) -> bool:
        """Answer by the head alone, where that is what the application would do; nothing is made of the request."""
        answering: RequestResponseCycle | None = self.cycle
        if (answering is not None and not answering.response_complete) or self.flow.write_paused:
            # It has its turn, after what is being answered.
            return False
        path, _, _ = self.url.decode("latin-1").partition("?")
        if self.expect_100_continue or not path.startswith("/") or self.parser.should_upgrade():
            return False
        method = self.parser.get_method().decode("latin-1")
        refusal = self._refusal(method, path.removeprefix(self.root_path), self.headers, self.root_path)
        if refusal is None:
            return False
        told, request_id = refusal
        self._is_shed, self._is_last = True, not self.parser.should_keep_alive()
        self.server_state.total_requests += 1
        more = b"".join(b"%b: %b\r\n" % header for header in self.server_state.default_headers)
        if self._is_last:
            more += b"connection: close\r\n"
        self.transport.write(told.bytes(STATUS_LINE[told.status], more, request_id))
        return True

    def _await_head(self) -> None:
        if self._patience is None:
            self._wait(HEAD_SECONDS, self._refuse, 408)

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that nothing came on."""
        self.timeout_keep_alive_task = self.loop.call_later(LAST_LOOK_SECONDS, super().timeout_keep_alive_handler)

    def _wait(self, seconds: float, act: Callable[..., object], *given: object) -> None:
        """Act in so many seconds and after a last look at what has come: a loop that was busy for longer runs what is
        due before it reads, and would end what has come in time."""

        def look() -> None:
            self._patience = self.loop.call_later(LAST_LOOK_SECONDS, act, *given)

        self._patience = self.loop.call_later(seconds, look)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self, status: int) -> None:
        """Say why, where nothing else is being said on this connection, and end it."""
        self._stop_waiting()
        if self._is_over or self.transport.is_closing():
            return
        self._is_over, self._came = True, 0
        # uvicorn's annotation leaves out that there is none before the first request.
        answering: RequestResponseCycle | None = self.cycle
        if not self._is_shed and (answering is None or answering.response_complete):
            text = _WORDS[status].encode()
            again = b"retry-after: %d\r\n" % RETRY_SECONDS if status == 503 else b""
            self.transport.write(
                STATUS_LINE[status] + b"content-type: text/plain; charset=utf-8\r\n" + again
                + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(text) + text
            )  # fmt: skip
        if len(self.connections) <= self._most_refused and self.transport.can_write_eof():
            self.transport.write_eof()
            self._wait(LINGER_SECONDS, self.transport.close)
        else:
            self.transport.close()
