"""A process dies before or after each statement of a run: another goes on, and in the end every row was done once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import psycopg
import pytest

from payonce.drivers.chance import SystemChance
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.transaction import Moment
from payonce.jobs.lane import Lane
from payonce.jobs.worker import Hand, Ran
from payonce.store.database import Tx
from payonce.usecases.expire_data import EXPIRY
from tests.support.frames import drive, hand_of, job, step
from tests.support.house import House

ROWS = 25
# Registering, taking, three batches with a lease renewed between them, and the end: no run here has more boundaries.
MOST_BOUNDARIES = 80
FEWEST_BOUNDARIES = 20


class Died(BaseException):
    """The process is gone; nothing in it catches this."""


class Mortal:
    """Lets a process live for so many boundaries of its transactions."""

    def __init__(self, lives: int) -> None:
        self.lives = lives

    async def observe(self, moment: Moment) -> None:
        """Die where the lives are used up."""
        self.lives -= 1
        if self.lives < 0:
            raise Died


@pytest.fixture
def calls(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


async def erase(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """Erase some, and count each row once in the same transaction."""

    async def work(tx: Tx) -> int:
        before = tx.now - timedelta(days=180)
        return len(await tx.rows(EXPIRY.erase_evidence, merchant_id=merchant_id, before=before, limit=at_most))

    erased = await hand.world.database.transaction(work, name="erase")
    return Ran(erased, erased)


@pytest.mark.parametrize("every_seconds", [2.0, 900.0])
def test_wherever_a_process_dies_another_goes_on_with_its_run(
    house: House, database_url: str, calls: psycopg.Connection[Any], every_seconds: float
) -> None:
    """A20: no run is lost or doubled, no row is left, and the job is free in the end."""
    for lives in count():
        name = f"job-{every_seconds:g}-{lives}"
        calls.execute("TRUNCATE evidence")
        calls.execute(
            "INSERT INTO evidence (merchant_id, evidence_id, order_id, at, call, address) SELECT 'default',"
            " gen_random_uuid(), gen_random_uuid(), '2020-01-01', 'pay', '203.0.113.7' FROM generate_series(1, %s)",
            [ROWS],
        )
        each = job(erase, name=name, every_seconds=every_seconds)
        mortal = Mortal(lives)
        died = _until_death(house, database_url, each, mortal)
        house.clock.move(61)
        drive(house, [Lane(each, hand_of(house), ["default"])], 8)
        [(left,)] = calls.execute("SELECT count(*) FROM evidence WHERE address IS NOT NULL").fetchall()
        assert left == 0, lives
        runs = calls.execute("SELECT state, slot_at FROM job_runs WHERE job = %s", [name]).fetchall()
        assert {state for state, _ in runs} <= {"done"}, (lives, runs)
        assert len({slot for _, slot in runs}) == len(runs), (lives, runs)
        # The last of its runs found nothing; of one that comes every two seconds, the next may have begun just now.
        [(held,)] = calls.execute("SELECT run_id FROM jobs WHERE job = %s", [name]).fetchall()
        assert held is None, lives
        if not died:
            # It came through, after it had died at each boundary before.
            assert lives > FEWEST_BOUNDARIES
            return
        assert lives < MOST_BOUNDARIES


def _until_death(house: House, database_url: str, each: Any, mortal: Mortal) -> bool:
    """Run the job in a process of its own until that dies, or the run is over; whether it died."""
    database = SyncDatabase(
        database_url, clock=house.clock, chance=SystemChance(), connections=1, observer=mortal.observe
    )
    hand = hand_of(house)
    one = Lane(each, replace(hand, world=replace(hand.world, database=database)), ["default"])
    try:
        for _ in range(4):
            step(one)
    except Died:
        return True
    finally:
        database.close()
    return False
