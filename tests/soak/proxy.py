"""`python -m tests.soak.proxy PORT SOCKET`: passes on what comes by TCP to a server on a Unix socket, and back.

A process of its own, so that it can be killed and stopped as a proxy between a service and its database would be.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Final

CHUNK: Final = 64 * 1024


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on everything that is read, until one of both ends."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()


async def serve(port: int, path: str) -> None:
    """Serve for ever."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_unix_connection(path)
        except OSError:
            # As a proxy does whose server is away: the caller is cut off at once.
            writer.close()
            return
        await asyncio.gather(pass_on(reader, back), pass_on(there, writer))

    server = await asyncio.start_server(one, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
