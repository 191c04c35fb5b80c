"""A receiver of outgoing webhooks on the loopback interface: verifies every signature, counts, answers 204 at once.

python -m benchmarks.receiver PORT SECRET
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import sys
from typing import Any

import uvloop


class Counting:
    """What came so far."""

    def __init__(self, secret: str) -> None:
        self.key = base64.b64decode(secret.removeprefix("whsec_"))
        self.ids: set[bytes] = set()
        self.came = 0
        self.forged = 0


class Connection(asyncio.Protocol):
    """One connection that is kept."""

    def __init__(self, counting: Counting) -> None:
        self._counting = counting
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._buffer[:end].split(b"\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
            size = int(headers.get(b"content-length", b"0"))
            if len(self._buffer) < end + 4 + size:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + size], self._buffer[end + 4 + size :]
            self._answer(first, headers, body)

    def _answer(self, first: bytes, headers: dict[bytes, bytes], body: bytes) -> None:
        counting = self._counting
        if first.startswith(b"GET"):
            told = json.dumps(
                {"came": counting.came, "different": len(counting.ids), "forged": counting.forged}
            ).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told))
            return
        name, at = headers[b"webhook-id"], headers[b"webhook-timestamp"]
        signed = base64.b64encode(hmac.digest(counting.key, b"%b.%b.%b" % (name, at, body), "sha256"))
        counting.came += 1
        counting.ids.add(name)
        counting.forged += b"v1," + signed not in headers[b"webhook-signature"].split(b" ")
        self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def _serve(port: int, secret: str) -> None:
    counting = Counting(secret)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(counting), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), sys.argv[2]))
