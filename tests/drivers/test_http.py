"""The way out: what was sent is what was given, one deadline holds, and it is known whether anything may have left."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import pytest

from payonce.base.errors import Bug
from payonce.drivers.http import LARGEST_ANSWER_BYTES, AsyncTransport, SyncTransport
from payonce.drivers.stepping import run_to_end
from payonce.providers.transport import Answer, Request, Unreachable
from payonce.store.database import inside

Send: TypeAlias = Callable[[Request], Answer]
Behaviour: TypeAlias = Callable[[socket.socket, threading.Event], None]


@dataclass
class Peer:
    """A server that does with each connection what the test says."""

    url: str
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def peer(behave: Behaviour) -> Iterator[Peer]:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Peer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                while heard := _request(connection):
                    found.heard.append(heard)
                    behave(connection, over)

        def accept() -> None:
            with suppress(OSError):
                while not over.is_set():
                    connection, _ = listener.accept()
                    threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                    threads[-1].start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield found
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _request(connection: socket.socket) -> bytes:
    heard = b""
    while b"\r\n\r\n" not in heard:
        part = connection.recv(65536)
        if not part:
            return b""
        heard += part
    head, _, body = heard.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(raw: bytes) -> Behaviour:
    return lambda connection, over: connection.sendall(raw)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Id: 7\r\n\r\nok"


@pytest.fixture(params=["asyncio", "blocking"])
def send(request: pytest.FixtureRequest) -> Iterator[Send]:
    """Both transports in turn."""
    which: Literal["asyncio", "blocking"] = request.param
    if which == "blocking":
        with SyncTransport() as blocking:
            yield lambda wanted: run_to_end(blocking.send(wanted))
        return
    with asyncio.Runner() as runner:
        looping = AsyncTransport()
        yield lambda wanted: runner.run(looping.send(wanted), context=copy_context())
        runner.run(looping.close())


def test_exactly_what_was_given_goes_out_and_what_came_back_comes_in(send: Send) -> None:
    with peer(answering(OK)) as server:
        sent = Request("POST", server.url + "/v1/x?a=%20b", (("Idempotency-Key", "é-1"), ("X", "y")), b"amount=\xff\n")
        assert send(sent) == Answer(200, (("content-length", "2"), ("x-id", "7")), b"ok")
    [heard] = server.heard
    head, _, body = heard.partition(b"\r\n\r\n")
    assert body == b"amount=\xff\n"
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/x?a=%20b HTTP/1.1"
    assert sorted(line.split(b":")[0].lower() for line in lines[1:]) == [
        b"content-length",
        b"host",
        b"idempotency-key",
        b"x",
    ]
    assert "Idempotency-Key: é-1".encode() in lines


def test_a_post_without_a_body_says_so(send: Send) -> None:
    with peer(answering(OK)) as server:
        send(Request("POST", server.url))
        send(Request("GET", server.url))
    assert [b"content-length: 0" in heard.lower() for heard in server.heard] == [True, False]


@pytest.mark.parametrize("status", [204, 302, 402, 429, 500])
def test_every_status_is_an_answer_and_no_redirect_is_followed(send: Send, status: int) -> None:
    raw = b"HTTP/1.1 %d X\r\nLocation: /elsewhere\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n" % status
    with peer(answering(raw)) as server:
        assert send(Request("GET", server.url)).status == status
        assert send(Request("GET", server.url)).status == status
    assert len(server.heard) == 2
    assert not any(b"cookie" in heard.lower() for heard in server.heard)


def test_an_answer_in_pieces_is_put_together(send: Send) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    with peer(answering(raw)) as server:
        assert send(Request("GET", server.url)).body == b"abc"


def _silent(connection: socket.socket, over: threading.Event) -> None:
    over.wait()


def _hang_up(connection: socket.socket, over: threading.Event) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def _drip(raw: bytes) -> Behaviour:
    def behave(connection: socket.socket, over: threading.Event) -> None:
        # Each byte in time for any limit of a single read, and never all of them.
        for byte in raw:
            if over.wait(0.05):
                return
            connection.sendall(bytes([byte]))

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        _silent,
        _hang_up,
        _drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000),
        _drip(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + b"x" * 10_000),
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
        answering(b"<html>not even HTTP</html>\r\n\r\n"),
    ],
    ids=["silent", "hangs up", "drips headers", "drips a body", "too short", "no HTTP"],
)
def test_when_no_whole_answer_comes_in_time_the_outcome_is_unknown(send: Send, behave: Behaviour) -> None:
    """X3: it may have arrived, so it is not said that it did not."""
    with peer(_after_first(behave)) as server, pytest.raises(Unreachable) as unreachable:
        send(Request("POST", server.url, body=b"x", timeout_seconds=2))
    assert unreachable.value.sent
    assert len(server.heard) == 1


def _after_first(behave: Behaviour) -> Behaviour:
    def once(connection: socket.socket, over: threading.Event) -> None:
        behave(connection, over)
        connection.shutdown(socket.SHUT_RDWR)

    return once


def test_an_answer_without_end_is_not_kept(send: Send) -> None:
    size = LARGEST_ANSWER_BYTES + 1
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    with peer(answering(raw)) as server, pytest.raises(Unreachable, match="larger") as unreachable:
        send(Request("GET", server.url))
    assert unreachable.value.sent


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no-such-host.invalid/", "ftp://127.0.0.1/"])
def test_what_never_left_is_known_not_to_have_happened(send: Send, url: str) -> None:
    with pytest.raises(Unreachable) as unreachable:
        send(Request("POST", url, timeout_seconds=5))
    assert not unreachable.value.sent


def test_nobody_calls_out_inside_a_transaction(send: Send) -> None:
    with peer(answering(OK)) as server:
        with inside("a database"), pytest.raises(Bug, match="inside a transaction"):
            send(Request("GET", server.url))
        assert send(Request("GET", server.url)).status == 200
    assert len(server.heard) == 1
