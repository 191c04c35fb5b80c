"""Vital signs: why the service is not whole, if it is not. What a heartbeat is withheld for. It only reads.

A database that answers is not enough: somebody must have looked for what is wrong lately, or nobody would be told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from payonce.base.errors import PayonceError
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.world import World

SIGNS: Final = queries.load("vital_signs")
# The job that finds what is wrong.
WATCHER: Final = "monitor"
# One slot may be missed by a restart, and a run takes a while; a third one means that nobody looks.
MISSED_SLOTS: Final = 3
# A monitor that runs every minute is given as long as a restart takes.
SHORTEST_GRACE: Final = timedelta(minutes=10)


async def vital_signs(world: World) -> list[str]:
    """What is wrong, in sentences; empty: the database answers, and the monitor ran lately."""

    async def work(tx: Tx) -> list[str]:
        row = await tx.one(SIGNS.last_watch, job=WATCHER)
        return _late(row, tx.now) if row is not None else []

    try:
        return await world.database.transaction(work, name="vital_signs", read_only=True)
    except PayonceError as error:
        return [f"the database does not answer: {error.code}"]


def _late(row: Row, now: datetime) -> list[str]:
    grace = max(MISSED_SLOTS * timedelta(seconds=row.every_seconds), SHORTEST_GRACE)
    last = row.last_success_at or row.registered_at
    if row.is_retired:
        return [f"the job {WATCHER} is retired, so nobody looks for what is wrong"]
    return [f"the job {WATCHER} went well last at {last:%Y-%m-%d %H:%M} UTC"] if now - last > grace else []
