"""A webhook receiver for tests: a real HTTP server that keeps what it got and answers what it was told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Far longer than any delivery takes; reaching it means that something never came.
DEADLINE_SECONDS = 20.0


@dataclass(frozen=True)
class Delivery:
    """One webhook as it arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def signature(self) -> str:
        return self.headers["stripe-signature"]

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """Answers `statuses` one by one and then 200, with `bodies` one by one and then `usual_body`.

    `url` is where it listens. `inside` is called while the sender waits for the answer.
    """

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    usual_body: bytes = b""
    inside: Callable[[Delivery], None] = lambda delivery: None
    got: list[Delivery] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, delivery: Delivery) -> tuple[int, bytes]:
        """Keep a delivery; the status and the body to answer."""
        self.inside(delivery)
        with self.changed:
            self.got.append(delivery)
            self.changed.notify_all()
            status = self.statuses.pop(0) if self.statuses else 200
            return status, self.bodies.pop(0) if self.bodies else self.usual_body

    def types(self) -> list[str]:
        """The types of the events so far, in the order of their arrival."""
        with self.changed:
            return [delivery.event["type"] for delivery in self.got]

    def wait_for(self, enough: Callable[[list[Delivery]], bool]) -> list[Delivery]:
        """Wait until `enough` holds of what has arrived, and return it. Fails with what did arrive."""
        with self.changed:
            if not self.changed.wait_for(lambda: enough(self.got), DEADLINE_SECONDS):
                raise AssertionError(f"only these came: {[delivery.event['type'] for delivery in self.got]}")
            return list(self.got)

    def wait_for_type(self, event_type: str, count: int = 1) -> list[Delivery]:
        """Wait until `count` events of a type have arrived, and return them."""

        def of_type(got: list[Delivery]) -> list[Delivery]:
            return [delivery for delivery in got if delivery.event["type"] == event_type]

        return of_type(self.wait_for(lambda got: len(of_type(got)) >= count))


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of the loopback interface."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = receiver.take(Delivery(headers, body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/webhooks"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
