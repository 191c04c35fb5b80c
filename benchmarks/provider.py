"""A provider that answers in no time: as much of Stripe as creating a payment intent needs, on the loopback interface.

    python -m benchmarks.provider PORT

The simulator keeps books and speaks the whole protocol; here only the guard in front of the provider is measured.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from typing import Any
from urllib.parse import parse_qsl

import uvloop


class Creating(asyncio.Protocol):
    """One connection that is kept; every POST makes a payment intent that waits for a method."""

    _numbers = itertools.count(1)

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + size:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + size], self._buffer[end + 4 + size :]
            self._answer(dict(parse_qsl(body.decode())))

    def _answer(self, asked: dict[str, str]) -> None:
        number = f"{next(self._numbers):024d}"
        marks = {name[9:-1]: value for name, value in asked.items() if name.startswith("metadata[")}
        amount = int(asked.get("amount", "0"))
        told = {
            "id": f"pi_{number}", "object": "payment_intent", "amount": amount, "amount_received": 0,
            "amount_capturable": 0, "currency": asked.get("currency", "usd"), "status": "requires_payment_method",
            "client_secret": f"pi_{number}_secret_{number}", "created": 1760000000, "livemode": False,
            "latest_charge": None, "last_payment_error": None, "next_action": None, "metadata": marks,
        }  # fmt: skip
        body = json.dumps(told).encode()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Creating, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
