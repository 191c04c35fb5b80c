"""Chats and pagers as they really are called: by their own names over TLS, answered on this machine.

A proxy stands between: whatever name a client wants to reach, it reaches this server, whose certificate is good for it.
So a library that has its addresses built in is called as in production, and what it sends is seen.
"""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import DEADLINE_SECONDS

HOSTS = ("hooks.slack.com", "api.telegram.org", "events.pagerduty.com", "chat.example")


@dataclass
class Request:
    """One call as it came."""

    host: str
    path: str
    body: Any


@dataclass
class Services:
    """What all of them got, and what they answer instead of 200: a status, or None for nothing at all."""

    got: list[Request] = field(default_factory=list)
    answers: list[int | None] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    environment: dict[str, str] = field(default_factory=dict)


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """The services, until the end of the block; `environment` leads a process to them."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=chats",
         "-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    made = Services()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        host = ""

        def do_CONNECT(self) -> None:
            self.host = self.path.partition(":")[0]
            self.send_response(200)
            self.end_headers()
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb", 0)
            self.close_connection = False

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"] or 0))
            try:
                body = json.loads(raw)
            except ValueError:
                body = raw.decode()
            made.got.append(Request(self.host or self.headers["host"], self.path, body))
            status = made.answers.pop(0) if made.answers else 200
            if status is None:
                made.released.wait(DEADLINE_SECONDS)
                self.close_connection = True
                return
            answer = b'{"ok": true, "status": "success"}' if "telegram" in self.host else b"ok"
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it so)
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    made.environment = {
        "HTTPS_PROXY": address, "https_proxy": address, "NO_PROXY": "", "no_proxy": "",
        "REQUESTS_CA_BUNDLE": str(certificate), "SSL_CERT_FILE": str(certificate),
    }  # fmt: skip
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
