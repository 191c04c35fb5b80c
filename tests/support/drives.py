"""Both drivers behind one face, so that one suite of promises runs over both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from payonce.drivers.postgres_async import AsyncDatabase
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.store.database import Tx
from tests.support.clocks import HandClock, SeededChance

T = TypeVar("T")
Kind: TypeAlias = Literal["asyncio", "stepped"]


class Drive(Protocol):
    """A database that a test drives without knowing how."""

    def transact(self, work: Callable[[Tx], Awaitable[T]], *, name: str = "test", read_only: bool = False) -> T:
        """Run `work` in a transaction."""
        ...


class _Stepped:
    def __init__(self, database: SyncDatabase) -> None:
        self._database = database

    def transact(self, work: Callable[[Tx], Awaitable[T]], *, name: str = "test", read_only: bool = False) -> T:
        return run_to_end(self._database.transaction(work, name=name, read_only=read_only))


class _Looped:
    def __init__(self, database: AsyncDatabase, runner: asyncio.Runner) -> None:
        self._database = database
        self._runner = runner

    def transact(self, work: Callable[[Tx], Awaitable[T]], *, name: str = "test", read_only: bool = False) -> T:
        return self._runner.run(self._database.transaction(work, name=name, read_only=read_only))


@contextmanager
def driving(kind: Kind, dsn: str, clock: HandClock, **options: Any) -> Iterator[Drive]:
    """A driver of that kind, open. `options` are those of both."""
    if kind == "stepped":
        with SyncDatabase(dsn, clock=clock, chance=SeededChance(), **options) as stepped:
            yield _Stepped(stepped)
        return
    with asyncio.Runner() as runner:
        looped = AsyncDatabase(dsn, clock=clock, chance=SeededChance(), **options)
        runner.run(looped.open())
        try:
            yield _Looped(looped, runner)
        finally:
            runner.run(looped.close())
