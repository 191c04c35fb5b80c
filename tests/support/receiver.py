"""The application's side of outgoing webhooks: verifies with the published library, and takes each id once."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

WEBHOOK_SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgcmVjZWl2ZXI="


@dataclass
class Receiver:
    """What came, by webhook id. `fulfilled` counts distinct ids of `order.paid` for each order.

    `cut` counts requests whose sender died while it sent them: nothing was told, and nobody is answered.
    """

    url: str = ""
    came: Counter[str] = field(default_factory=Counter)
    fulfilled: dict[str, set[str]] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    forged: int = 0
    cut: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The answer to one delivery."""
        try:
            Webhook(WEBHOOK_SECRET).verify(body, headers)
        except Exception:
            self.forged += 1
            return 400
        told = json.loads(body)
        with self.lock:
            self.came[headers["webhook-id"]] += 1
            self.bodies.append(told)
            if told["type"] == "order.paid":
                self.fulfilled.setdefault(told["data"]["id"], set()).add(headers["webhook-id"])
        return 200


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of the loopback interface."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "-1"))
            body = self.rfile.read(max(length, 0))
            if len(body) != length:
                receiver.cut += 1
                self.close_connection = True
                return
            status = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
