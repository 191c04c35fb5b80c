"""HTTP byte by byte: sends what no client would, and reads whatever comes back."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.support.waiting import DEADLINE_SECONDS


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """One answer; `status` 0 where the connection ended without one. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


NOTHING = RawAnswer(0, {}, b"")


class RawConnection:
    """One connection, made anew when the other side has ended it."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._place = (parts.hostname or "", parts.port or 80)
        self._socket: socket.socket | None = None
        self._left = b""

    def close(self) -> None:
        """End it."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._left = None, b""

    def send(self, data: bytes) -> bool:
        """Send bytes; False where the other side does not take them any more."""
        if self._socket is None:
            self._socket = socket.create_connection(self._place, DEADLINE_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def end(self) -> None:
        """Say that nothing more will be sent."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def answer(self) -> RawAnswer:
        """The next answer; those that only say to go on are left out."""
        while True:
            head = self._until(b"\r\n\r\n")
            if head is None:
                self.close()
                return NOTHING
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            status = int(first.split(" ")[1])
            if status == 100:
                continue
            found = RawAnswer(status, headers, self._exactly(int(headers.get("content-length", "0"))))
            if headers.get("connection") == "close":
                self.close()
            return found

    def exchange(self, data: bytes, *, end: bool = False) -> RawAnswer:
        """Send and read one answer. A connection that was kept and had ended meanwhile is made anew, once."""
        for _ in range(2):
            was_kept = self._socket is not None
            sent = self.send(data)
            if end:
                self.end()
            found = self.answer()
            if found is not NOTHING or not was_kept:
                return found
            if sent and end:
                return found
        return NOTHING

    def post(self, path: str, headers: Sequence[tuple[str, str]], body: bytes) -> RawAnswer:
        """A request as it should be, but for what its headers say and its body holds."""
        return self.exchange(request("POST", path, headers, body))

    def _until(self, mark: bytes) -> bytes | None:
        while mark not in self._left:
            piece = self._receive()
            if not piece:
                return None
            self._left += piece
        found, _, self._left = self._left.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._left) < size:
            piece = self._receive()
            if not piece:
                break
            self._left += piece
        found, self._left = self._left[:size], self._left[size:]
        return found

    def _receive(self) -> bytes:
        if self._socket is None:
            return b""
        try:
            return self._socket.recv(65536)
        except TimeoutError:
            raise AssertionError(f"no answer within {DEADLINE_SECONDS:g} s") from None
        except OSError:
            return b""


def request(method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes = b"") -> bytes:
    """The bytes of a request; header values in Latin-1, as servers read them."""
    lines = [f"{method} {path} HTTP/1.1", "Host: pay.test", *(f"{name}: {value}" for name, value in headers)]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
