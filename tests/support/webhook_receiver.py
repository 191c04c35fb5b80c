"""An application's endpoint for webhooks: a real HTTP server that verifies with the standard's own library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass
class Got:
    """One request as it came, its verified body, and what is done instead of an answer."""

    headers: dict[str, str]
    body: bytes
    payload: Any

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


# What the receiver does instead of answering 204: a status, (status, headers, body), or a function of the handler.
Script = int | tuple[int, dict[str, str], bytes] | Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Endpoint:
    """A receiver. `got` is everything that came, `taken` the ids it acted on: each once, as the standard asks for."""

    url: str
    verifier: Webhook
    script: list[Script] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def receiver(secret: str | bytes) -> Iterator[Endpoint]:
    """A receiver at a free port of this machine, until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                payload = endpoint.verifier.verify(body, headers)
            except Exception as error:
                endpoint.refused.append(str(error))
                self.answer(401, {}, b"not signed")
                return
            with endpoint.lock:
                endpoint.got.append(Got(headers, body, payload))
                endpoint.taken.add(headers["webhook-id"])
                script = endpoint.script.pop(0) if endpoint.script else 204
            if callable(script):
                script(self)
            elif isinstance(script, int):
                self.answer(script, {}, b"")
            else:
                self.answer(*script)

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}/hooks", Webhook(secret))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close without an answer, as a receiver does that crashed after its work."""
    handler.close_connection = True
    handler.connection.close()
