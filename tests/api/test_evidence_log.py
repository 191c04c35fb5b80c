"""Evidence is written off the request's path, in batches, and never slows down or fails a payer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

from payonce.api.evidence_log import EvidenceLog
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.store.database import Limits
from payonce.usecases.evidence import Evidence
from payonce.usecases.world import World
from tests.support.house import House
from tests.support.line import watched_line

ORDER = UUID(int=1)


def row(world: World, number: int) -> Evidence:
    return Evidence(
        world.ids.new(), ORDER, world.clock.now(), "status", f"203.0.113.{number % 256}", "agent", None, 200
    )


def test_many_calls_are_few_transactions_and_no_row_is_lost(house: House) -> None:
    """E20: who called is kept."""

    async def story() -> None:
        log = EvidenceLog(house.world)
        for number in range(1200):
            log.note("default", row(house.world, number))
        await log.close()
        assert log.dropped == 0

    asyncio.run(story())
    # Each row knows the transaction that wrote it.
    [(rows, transactions)] = house.rows("SELECT count(*), count(DISTINCT xmin::text) FROM evidence")
    assert rows == 1200
    assert transactions <= 10


def test_while_the_database_is_gone_the_newest_are_kept_and_the_others_counted(house: House, database_url: str) -> None:
    """E20: evidence is no state; it is bounded in memory."""

    async def story() -> None:
        with watched_line(database_url) as line:
            gone = SyncDatabase(
                line.dsn, clock=house.clock, chance=house.world.chance, limits=Limits(runs=1, connection_seconds=0.05)
            )
            log = EvidenceLog(replace(house.world, database=gone), most_kept=10, retry_seconds=0.01)
        log.note("default", row(house.world, 0))
        await asyncio.sleep(0)
        for number in range(25):
            log.note("default", row(house.world, number))
        assert len(log) == 10
        assert log.dropped == 15
        await log.close()

    asyncio.run(story())
    assert house.rows("SELECT count(*) FROM evidence") == [(0,)]


def test_a_batch_that_is_written_twice_is_there_once(house: House) -> None:
    """E20: writing again after a lost answer changes nothing."""
    kept = row(house.world, 1)

    async def story() -> None:
        log = EvidenceLog(house.world)
        log.note("default", kept)
        await log.written()
        log.note("default", kept)
        await log.close()

    asyncio.run(story())
    assert house.rows("SELECT call, answer FROM evidence") == [("status", 200)]
