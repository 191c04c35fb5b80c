"""Connections are kept and used again, each by one call at a time, and never beyond their number or their age."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpcore2
import pytest

from payonce.drivers.http_lines import KeptLines


class Listener:
    """A server that counts its connections, and answers each request once `gate` is open."""

    def __init__(self) -> None:
        self.connections = 0
        self.at_work = 0
        self.most_at_work = 0
        self.arrived: asyncio.Queue[int] = asyncio.Queue()
        self.writers: list[asyncio.StreamWriter] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the other side closes."""
        self.connections += 1
        self.writers.append(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.at_work += 1
                self.most_at_work = max(self.most_at_work, self.at_work)
                self.arrived.put_nowait(self.at_work)
                await self.gate.wait()
                self.at_work -= 1
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """A server on this machine."""
    found = Listener()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/told"
    try:
        yield found
    finally:
        server.close()


def lines(most: int = 4, idle_seconds: float = 60.0) -> KeptLines:
    """Lines of one connection each."""
    return KeptLines(lambda: httpcore2.AsyncConnectionPool(max_connections=1), most, idle_seconds)


async def call(kept: KeptLines, url: str) -> int:
    """Call once; the status."""
    async with kept.line_to(url) as line, line.stream("GET", url) as response:
        async for _ in response.aiter_stream():
            pass
    return response.status


def run(work: Any) -> None:
    """Run on a loop of its own."""
    asyncio.run(work())


def test_one_call_after_another_uses_one_connection() -> None:
    async def work() -> None:
        kept = lines()
        async with listening() as listener:
            assert [await call(kept, listener.url) for _ in range(5)] == [204] * 5
            assert listener.connections == 1
            await kept.close()

    run(work)


def test_calls_at_once_have_a_connection_each_up_to_their_number() -> None:
    async def work() -> None:
        kept = lines(most=3)
        async with listening() as listener:
            listener.gate.clear()
            calls = [asyncio.create_task(call(kept, listener.url)) for _ in range(9)]
            assert [await listener.arrived.get() for _ in range(3)] == [1, 2, 3]
            listener.gate.set()
            assert await asyncio.gather(*calls) == [204] * 9
            assert (listener.most_at_work, listener.connections) == (3, 3)
            await kept.close()

    run(work)


def test_a_kept_connection_that_the_other_side_closed_is_replaced() -> None:
    async def work() -> None:
        kept = lines()
        async with listening() as listener:
            await call(kept, listener.url)
            listener.writers[0].close()
            await listener.writers[0].wait_closed()
            assert await call(kept, listener.url) == 204
            assert listener.connections == 2
            await kept.close()

    run(work)


def test_a_connection_that_was_idle_for_too_long_is_closed_by_whoever_calls_next() -> None:
    async def work() -> None:
        kept = lines(idle_seconds=0.0)
        async with listening() as listener, listening() as other:
            await call(kept, listener.url)
            await call(kept, other.url)
            await listener.writers[0].wait_closed()
            assert await call(kept, listener.url) == 204
            assert listener.connections == 2
            await kept.close()

    run(work)


def test_a_call_that_is_given_up_leaves_nothing_behind() -> None:
    async def work() -> None:
        kept = lines(most=1)
        async with listening() as listener:
            listener.gate.clear()
            hanging = asyncio.create_task(call(kept, listener.url))
            await listener.arrived.get()
            hanging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hanging
            listener.gate.set()
            assert await call(kept, listener.url) == 204
            # Its answer may still have come: nobody is handed a connection with another call's answer in it.
            assert listener.connections == 2
            await kept.close()

    run(work)
