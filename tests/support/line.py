"""A line to PostgreSQL that a test can watch and break: a proxy on a Unix socket that understands just enough of the
protocol to count round trips and to know a COMMIT when it passes. The server itself may listen on either kind."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeAlias

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_SOCKET = ".s.PGSQL.5432"
# What happens to a COMMIT: it passes; the line breaks before it reaches the server, or before its answer comes back; or
# its answer is kept until it is asked for.
Fate: TypeAlias = Literal["pass", "cut before", "cut after", "hold"]


class Line:
    """The proxy. `dsn` leads through it; `fates` are used up one by one by the COMMITs that pass."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self._words = conninfo_to_dict(dsn)
        self.dsn = make_conninfo(dsn, host=str(folder), port=5432)
        self.fates: list[Fate] = []
        self.round_trips = 0
        self.commits = 0
        # How many of the next connections are closed at once, as by a server that is away.
        self.refusals = 0
        self.held = threading.Event()
        self.release = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(folder / _SOCKET))
        self._listener.listen()
        self._pairs: list[_Pair] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Break every connection and stop."""
        self.release.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for pair in self._pairs:
            pair.cut()
            pair.join()

    def hang(self) -> None:
        """From now on nothing comes back on the connections that there are, and they stay open. New ones work."""
        for pair in self._pairs:
            pair.hangs = True

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refusals:
                self.refusals -= 1
                client.close()
                continue
            self._pairs.append(_Pair(self, client, self._connect()))

    def _connect(self) -> socket.socket:
        host, port = str(self._words["host"]), int(self._words.get("port") or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.connect(str(Path(host, f".s.PGSQL.{port}")))
        return server


class _Pair:
    """One connection: two threads that pass on what they read."""

    def __init__(self, line: Line, client: socket.socket, server: socket.socket) -> None:
        self._is_set_up = False
        self._line = line
        self._client = client
        self._server = server
        self._statements: dict[bytes, bytes] = {}
        self._fate: Fate = "pass"
        self.hangs = False
        self._threads = [
            threading.Thread(target=self._pump, args=(work,), daemon=True) for work in (self._forward, self._back)
        ]
        for thread in self._threads:
            thread.start()

    def cut(self) -> None:
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()
        self._client.close()
        self._server.close()

    def _pump(self, work: Callable[[], None]) -> None:
        with suppress(OSError, ConnectionError):
            work()
        self.cut()

    def _forward(self) -> None:
        kind = b""
        while message := _read(self._client, with_kind=bool(kind)):
            if self.hangs:
                continue
            kind = message[:1]
            # A startup message begins with its length; all others begin with a letter.
            if kind != b"\0" and self._is_commit(kind, message[5:]):
                self._line.commits += 1
                self._fate = self._line.fates.pop(0) if self._line.fates else "pass"
                if self._fate == "cut before":
                    return
            if kind == b"S":
                # The first one tells a new connection its settings, whenever the pool may have opened it.
                self._line.round_trips += self._is_set_up
                self._is_set_up = True
            self._server.sendall(message)
            kind = b"?"

    def _is_commit(self, kind: bytes, body: bytes) -> bool:
        if kind == b"P":
            name, text = body.split(b"\0", 2)[:2]
            self._statements[name] = text
        return kind == b"B" and self._statements.get(body.split(b"\0", 2)[1]) == b"COMMIT"

    def _back(self) -> None:
        while message := _read(self._server, with_kind=True):
            if self._fate == "cut after" and message[:1] == b"C" and message[5:].startswith(b"COMMIT"):
                return
            if self._fate == "hold" and message[:1] == b"C" and message[5:].startswith(b"COMMIT"):
                self._line.held.set()
                self._line.release.wait()
            self._client.sendall(message)


def _read(end: socket.socket, *, with_kind: bool) -> bytes:
    head = _exactly(end, 5 if with_kind else 4)
    if not head:
        return b""
    (length,) = struct.unpack("!I", head[-4:])
    return head + _exactly(end, length - 4)


def _exactly(end: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = end.recv(size - len(parts))
        if not part:
            return b""
        parts += part
    return bytes(parts)


@contextmanager
def watched_line(dsn: str) -> Iterator[Line]:
    """A line to the server of `dsn`."""
    with TemporaryDirectory(prefix="line-") as folder:
        line = Line(Path(folder), dsn)
        try:
            yield line
        finally:
            line.close()
