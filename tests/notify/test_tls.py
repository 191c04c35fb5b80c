"""A receiver proves its name, although the connection goes to an address that was looked at before."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from payonce.notify.sender import HttpSender
from payonce.providers.transport import Answer, Request, Unreachable


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A TLS server on this machine that proves to be hooks.example: its certificate, and its port."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hooks.example",
         "-addext", "subjectAltName=DNS:hooks.example", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write((self.headers["host"] or "").encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Server(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield certificate, server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def call(url: str, trusted: Path | None) -> Answer:
    async def to_this_machine(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def send() -> Answer:
        tls = ssl.create_default_context(cafile=str(trusted)) if trusted else None
        async with HttpSender(allow_private=True, resolve=to_this_machine, tls=tls) as sender:
            return await sender.send(Request("POST", url, (), b"{}", 5.0))

    return asyncio.run(send())


def test_the_name_is_proved_and_named(authority: tuple[Path, int]) -> None:
    certificate, port = authority
    answer = call(f"https://hooks.example:{port}/", certificate)
    assert (answer.status, answer.body) == (200, f"hooks.example:{port}".encode())


def test_another_name_or_an_unknown_authority_is_not_spoken_to(authority: tuple[Path, int]) -> None:
    certificate, port = authority
    for url, trusted in ((f"https://other.example:{port}/", certificate), (f"https://hooks.example:{port}/", None)):
        with pytest.raises(Unreachable) as refused:
            call(url, trusted)
        assert refused.value.sent is False
