"""Who is told to come back by the head of the request alone: in the words of everybody else, for next to nothing."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import httpx2
import pytest
import uvicorn
import uvloop
from structlog.testing import capture_logs

from payonce.api import listening
from payonce.api.listening import BoundedHttp, doors
from payonce.api.load import LONGEST_WAIT_SECONDS, Load
from payonce.api.shedding import Shed, Told
from tests.support.parties import zalopay_seat
from tests.support.site import PERSON, Site
from tests.support.waiting import DEADLINE_SECONDS, until

ORDER = b"POST /v1/orders HTTP/1.1\r\nHost: pay.test\r\nX-Request-Id: mine-1\r\nContent-Length: 10\r\n"
SAID = Told(503, [(b"retry-after", b"2"), (b"content-length", b"1")], b"again, req_of_whoever_is_turned_away")


def fill(site: Site, what: str) -> None:
    """Let the site take upon itself nothing more of that."""
    if what == "requests":
        site.app.state.door._load._most_requests = 0
    else:
        site.edge.gatherer._most_waiting = 0


def by_the_frame(site: Site, *asked: Any, **more: Any) -> httpx2.Response:
    """What is answered where nobody stands at the door."""
    door = site.app.state.door
    refusal, door.refusal = door.refusal, lambda *head: None
    try:
        return site.ask(*asked, **more)
    finally:
        door.refusal = refusal


@pytest.mark.parametrize("headers", [{}, PERSON], ids=["program", "person"])
@pytest.mark.parametrize(
    ("what", "method", "path"),
    [
        ("requests", "POST", "/v1/orders"), ("requests", "GET", "/pay/nobody"), ("requests", "GET", "/"),
        ("deliveries", "POST", "/webhooks/stripe"),
    ],
)  # fmt: skip
def test_what_is_said_at_the_door_is_what_is_said_inside(
    site: Site, what: str, method: str, path: str, headers: dict[str, str]
) -> None:
    """B6: 503 with Retry-After, in the one shape, with the id that the caller gave or a new one."""
    fill(site, what)
    inside = by_the_frame(site, method, path, headers={**headers, "X-Request-Id": "its-own"}, content=b"{}")
    said = site.ask(method, path, headers={**headers, "X-Request-Id": "its-own"}, content=b"{}")
    assert (said.status_code, said.content) == (503, inside.content)
    assert dict(said.headers) == dict(inside.headers)
    assert (said.headers["retry-after"], said.headers["x-request-id"]) == ("2", "its-own")
    made = site.ask(method, path, headers={**headers, "X-Request-Id": "<script>"}, content=b"{}")
    assert made.headers["x-request-id"].startswith("req_")
    assert made.headers["x-request-id"] in made.text


def test_a_provider_is_told_in_its_own_words_that_it_may_come_again(open_site: Callable[..., Site]) -> None:
    site = open_site({"seat": zalopay_seat})
    fill(site, "deliveries")
    inside = by_the_frame(site, "POST", "/webhooks/zalopay", content=b"{}")
    said = site.ask("POST", "/webhooks/zalopay", content=b"{}")
    assert (said.status_code, said.content) == (inside.status_code, inside.content)
    assert dict(said.headers) | {"x-request-id": ""} == dict(inside.headers) | {"x-request-id": ""}


def test_health_is_answered_and_paths_of_nobody_are_looked_for_as_ever(site: Site) -> None:
    for what in ("requests", "deliveries"):
        fill(site, what)
    assert site.ask("GET", "/livez").status_code == 200
    assert site.ask("POST", "/webhooks/nobody", content=b"{}").status_code == 404
    assert site.ask("HEAD", "/v1/orders").status_code == 503


def test_who_would_wait_longer_than_whoever_is_told_to_come_back_is_told_to_come_back() -> None:
    waits = [0.0]
    load = Load(wait_seconds=lambda: waits[0])
    assert not load.is_full_for("/v1/orders")
    waits[0] = LONGEST_WAIT_SECONDS + 0.1
    assert load.is_full_for("/v1/orders") and not load.is_full_for("/readyz")


def test_a_flood_is_a_line_in_a_second_and_each_of_it_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payonce.api.shedding.LINE_SECONDS", 0.01)
    counted: list[str] = []

    async def story() -> None:
        shed = Shed(counted.append)
        for _ in range(50):
            shed.note("requests")
        shed.note("deliveries")
        await asyncio.sleep(0.05)
        shed.note("bodies")
        await asyncio.sleep(0.05)

    with capture_logs() as lines:
        asyncio.run(story())
    assert [{name: line[name] for name in line.keys() & {"requests", "deliveries", "bodies"}} for line in lines] == [
        {"requests": 50, "deliveries": 1}, {"bodies": 1},
    ]  # fmt: skip
    assert len(counted) == 52


def test_whoever_is_refused_leaves_no_line_of_its_own(site: Site) -> None:
    fill(site, "requests")
    fill(site, "deliveries")
    with capture_logs() as lines:
        for ask in (site.ask, lambda *asked, **more: by_the_frame(site, *asked, **more)):
            ask("POST", "/v1/orders", content=b"{}")
            ask("POST", "/webhooks/stripe", content=b"{}")
    assert [line for line in lines if line["event"] in ("answered", "webhook_not_taken")] == []


# On the wire: what is refused by its head has a body all the same.


class Guarded:
    """An application that says what it read, behind a door that is shut or not."""

    def __init__(self) -> None:
        self.is_shut = True
        self.bodies: list[bytes] = []

    def refusal(self, *head: object) -> tuple[Told, str] | None:
        return (SAID, "req_1") if self.is_shut else None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        self.bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"in"})


@contextmanager
def served(guarded: Guarded) -> Iterator[tuple[str, int]]:
    config = uvicorn.Config(
        guarded, port=0, lifespan="off", log_config=None,
        # uvicorn calls it as it calls a class.
        http=cast(type[asyncio.Protocol], partial(BoundedHttp, refusal=guarded.refusal)),
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, what="the server")
    try:
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        thread.join(DEADLINE_SECONDS)


def answer(line: socket.socket) -> tuple[int, bytes, bytes]:
    """Status, head and body of the next answer."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = line.recv(65536)
        assert more, got
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < size:
        body += line.recv(65536)
    assert len(body) == size
    return int(head[9:12]), head.lower(), body


def test_what_is_refused_by_its_head_is_read_past_and_the_next_request_is_served() -> None:
    guarded = Guarded()
    with served(guarded) as place, socket.create_connection(place, DEADLINE_SECONDS) as line:
        for _ in range(2):
            line.sendall(ORDER + b"\r\n01234")
            status, head, body = answer(line)
            assert (status, body) == (503, b"again, req_1")
            assert b"x-request-id: req_1" in head and b"retry-after: 2" in head and b"connection: close" not in head
            line.sendall(b"56789")
        # Two in one piece, and one that comes behind them when there is room again.
        line.sendall((ORDER + b"\r\n0123456789") * 2)
        said = b""
        while said.count(b"again, req_1") < 2:
            said += line.recv(65536)
        guarded.is_shut = False
        line.sendall(ORDER + b"\r\nabcdefghij")
        assert answer(line)[::2] == (200, b"in")
        assert guarded.bodies == [b"abcdefghij"]


def test_a_connection_that_is_to_end_ends_when_its_request_was_read() -> None:
    with served(Guarded()) as place, socket.create_connection(place, DEADLINE_SECONDS) as line:
        line.sendall(ORDER + b"Connection: close\r\n\r\n01234")
        status, head, _ = answer(line)
        assert status == 503 and b"connection: close" in head
        line.sendall(b"56789")
        assert line.recv(1) == b""


def test_a_body_that_never_ends_keeps_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "LINGER_SECONDS", 0.05)
    with served(Guarded()) as place, socket.create_connection(place, DEADLINE_SECONDS) as line:
        line.sendall(ORDER + b"\r\n0")
        assert answer(line)[0] == 503
        assert line.recv(1) == b""


def test_who_asks_before_it_sends_its_body_is_answered_by_the_application() -> None:
    guarded = Guarded()
    with served(guarded) as place, socket.create_connection(place, DEADLINE_SECONDS) as line:
        line.sendall(ORDER + b"Expect: 100-continue\r\n\r\n")
        assert line.recv(65536).startswith(b"HTTP/1.1 100")
        line.sendall(b"0123456789")
        assert answer(line)[0] == 200


def test_a_busy_loop_takes_in_many_connections_in_each_of_its_turns() -> None:
    """One in a turn, as uvloop has it, let thousands wait while a few dozen a second came in."""

    async def story() -> int:
        loop, taken = asyncio.get_running_loop(), list[object]()

        class Line(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                taken.append(transport)
                transport.close()

        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        servers = [await loop.create_server(Line, sock=each, backlog=256) for each in doors(listener)]
        lines = [socket.create_connection(servers[0].sockets[0].getsockname()) for _ in range(128)]
        turns = 0
        while len(taken) < len(lines):
            await asyncio.sleep(0)
            turns += 1
        for line in lines:
            line.close()
        for server in servers:
            server.close()
        return turns

    logging.getLogger("asyncio").setLevel(logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(story()) < 64
