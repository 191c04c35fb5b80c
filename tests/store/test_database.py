"""The port's own rules, without a database: one transaction at a time, and everybody can ask whether one is open."""

from __future__ import annotations

import contextvars

import pytest

from payonce.base.errors import Bug, Refused
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.store.database import Tx, in_transaction, inside
from tests.support.clocks import HandClock, SeededChance


def test_a_transaction_inside_a_transaction_of_the_same_database_is_a_bug(database: SyncDatabase) -> None:
    async def inner(tx: Tx) -> None:
        raise AssertionError("reached")

    async def outer(tx: Tx) -> None:
        await database.transaction(inner, name="inner")

    with pytest.raises(Bug, match="inside a transaction"):
        run_to_end(database.transaction(outer, name="outer"))
    assert not in_transaction()


def test_another_database_may_be_asked_inside_a_transaction(
    database: SyncDatabase, blank_url: str, clock: HandClock, chance: SeededChance
) -> None:
    async def inner(tx: Tx) -> bool:
        return in_transaction()

    with SyncDatabase(blank_url, clock=clock, chance=chance) as other:

        async def outer(tx: Tx) -> bool:
            return await other.transaction(inner, name="inner")

        assert run_to_end(database.transaction(outer, name="outer"))


def test_the_mark_goes_with_whatever_ends_the_transaction() -> None:
    def fail() -> None:
        with inside("database"):
            assert in_transaction()
            raise Refused("no", code="no")

    with pytest.raises(Refused):
        fail()
    assert not in_transaction()


def test_each_context_has_a_mark_of_its_own() -> None:
    """A scheduler that steps many people in one thread gives each a context, and so their transactions stay apart."""
    first, second = contextvars.copy_context(), contextvars.copy_context()
    door = inside("database")
    first.run(door.__enter__)
    assert first.run(in_transaction)
    assert not second.run(in_transaction)
    first.run(door.__exit__, None, None, None)
    assert not first.run(in_transaction)
