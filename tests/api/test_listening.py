"""Connections beyond those that a process takes."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from payonce.api import listening
from tests.support.waiting import DEADLINE_SECONDS, until

MOST = 16
REQUEST = b"GET / HTTP/1.1\r\nHost: pay.test\r\nConnection: close\r\n\r\n"


def answer_of(line: socket.socket) -> bytes:
    """All that comes until the other side is done. Raises ConnectionError when it was cut off."""
    got = bytearray()
    while data := line.recv(65536):
        got += data
    return bytes(got)


def test_who_comes_beyond_the_bound_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """B6: with all connections taken whoever comes gets 503 with Retry-After, and those who are in are served."""
    monkeypatch.setattr(listening, "most_connections", lambda: MOST)
    # It waits for the request as long as the test needs to send it.
    monkeypatch.setattr(listening, "LINGER_SECONDS", DEADLINE_SECONDS)
    monkeypatch.setattr(listening, "SPARE_DESCRIPTORS", 2)
    config = uvicorn.Config(
        PlainTextResponse("in"), host="127.0.0.1", port=0, http=listening.BoundedHttp, lifespan="off", log_config=None,
        timeout_keep_alive=3600,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, what="the server")
    place = server.servers[0].sockets[0].getsockname()
    try:
        with ExitStack() as open_ones:
            lines = [open_ones.enter_context(socket.create_connection(place, DEADLINE_SECONDS)) for _ in range(MOST)]
            until(lambda: len(server.server_state.connections) == MOST, what="those that are taken")
            for _ in range(3):
                with socket.create_connection(place, DEADLINE_SECONDS) as line:
                    until(lambda: len(server.server_state.connections) > MOST, what="one more")
                    line.sendall(REQUEST)
                    head = answer_of(line).lower()
                assert head.startswith(b"http/1.1 503 ") and b"retry-after: 2" in head
                until(lambda: len(server.server_state.connections) == MOST, what="its end")
            for line in lines:
                line.sendall(REQUEST)
                assert answer_of(line).endswith(b"in")
    finally:
        server.should_exit = True
        thread.join(DEADLINE_SECONDS)


class Wire:
    """What is written, call by call."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.written.append(b"closed")


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ([b"head", b"body"], [b"headbody"]),
        ([b"head", b"one", b"two"], [b"headone", b"two"]),
        ([b"head"], [b"head"]),
        ([b"HTTP/1.1 100 Continue", b"head", b"body"], [b"HTTP/1.1 100 Continue", b"headbody"]),
    ],
    ids=["usual", "in-pieces", "no-body", "go-on"],
)
def test_the_head_of_an_answer_leaves_with_the_first_of_its_body(said: list[bytes], written: list[bytes]) -> None:
    """One packet where there were two; what has no body is not held back."""
    for is_kept in (True, False):
        wire, done = Wire(), list[str]()
        cycle: Any = SimpleNamespace(transport=wire, on_response=lambda done=done: done.append("done"))
        listening.Together(cycle)
        for data in said:
            cycle.transport.write(data)
        if not is_kept:
            cycle.transport.close()
        cycle.on_response()
        assert wire.written == [*written, *([] if is_kept else [b"closed"])]
        assert done == ["done"]
