"""As much of Stripe as dj-stripe asks for while it stores an event: any object by its id, at once."""

from __future__ import annotations

import asyncio
import json
import sys

KINDS = {"payment_intents": "payment_intent", "charges": "charge", "accounts": "account", "account": "account"}


class Answers(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """A GET comes in one piece."""
        words = data.split(b" ", 2)[1].decode().split("?")[0].strip("/").split("/")
        kind = words[1] if len(words) > 1 else "account"
        name = words[2] if len(words) > 2 else "acct_of_the_benchmark"
        body = json.dumps(
            {
                "id": name, "object": KINDS.get(kind, kind.rstrip("s")), "livemode": False, "created": 1760000000,
                "metadata": {}, "amount": 4500, "amount_received": 4500, "amount_capturable": 0, "currency": "usd",
                "status": "succeeded", "customer": None, "payment_method": None, "latest_charge": None,
                "capture_method": "automatic", "confirmation_method": "automatic", "client_secret": f"{name}_secret",
                "payment_method_types": ["card"], "description": "First monthly fee", "on_behalf_of": None,
            }
        ).encode()  # fmt: skip
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
