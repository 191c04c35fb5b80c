"""Plans are kept where that is worth it, and no longer than a table takes to outgrow them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from payonce.drivers import plans
from payonce.drivers.plans import FORGET, KEEP, KEPT_SECONDS, Plans
from payonce.store.database import Query, Tx
from tests.drivers.conftest import OpenDrive
from tests.support.drives import Drive

# Named by whole keys, as the statements of a settling are.
FIND = Query(
    "find", "SELECT t.name FROM unnest(%(names)s::text[]) AS asked (name) JOIN things AS t ON t.name = asked.name",
    "Finds by keys.",
)  # fmt: skip
KEPT = Query(
    "kept", "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%%AS ask' || 'ed%%'",
    "How often a plan was kept and made anew.",
)  # fmt: skip
READ_WHOLE = Query(
    "read_whole", "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'things'",
    "How often this transaction has read the whole table.",
)  # fmt: skip
MODE = Query("mode", "SELECT current_setting('plan_cache_mode') AS mode", "How the server goes about it.")
SETTLING = "receive"


class Seconds:
    """Seconds that pass when the test says so."""

    passed = 0.0

    def __call__(self) -> float:
        return self.passed


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    """The seconds that plans are counted by."""
    made = Seconds()
    monkeypatch.setattr(Plans.__init__, "__defaults__", (made,))
    return made


def asking(query: Query, **params: object) -> Callable[[Tx], Awaitable[Any]]:
    async def work(tx: Tx) -> Any:
        return await tx.one(query, **params)

    return work


def find(drive: Drive, name: str = SETTLING) -> int:
    """Look for one by its key; how often the whole table was read for it."""

    async def work(tx: Tx) -> int:
        # What other transactions counted may not have been told yet.
        before, _, after = await tx.all((READ_WHOLE, {}), (FIND, {"names": ["a7"]}), (READ_WHOLE, {}))
        return int(after[0].seq_scan) - int(before[0].seq_scan)

    return drive.transact(work, name=name)


def test_a_settling_keeps_its_plans_and_nobody_else_does(open_drive: OpenDrive, seconds: Seconds) -> None:
    # Left alone the server plans five times at least, and then as it thinks fit.
    drive = open_drive(connections=1)
    for _ in range(3):
        find(drive, "list")
    kept, anew = drive.transact(asking(KEPT))
    assert (kept, anew) == (0, 3)
    for _ in range(3):
        find(drive)
    kept, anew = drive.transact(asking(KEPT))
    assert (kept, anew) == (3, 3)
    assert drive.transact(asking(MODE), name=SETTLING).mode == "force_generic_plan"
    assert drive.transact(asking(MODE), name="list").mode == "auto"


def test_a_plan_that_was_made_over_an_empty_table_is_gone_a_second_later(
    open_drive: OpenDrive, seconds: Seconds, rival: psycopg.Connection[Any]
) -> None:
    # Vacuumed while it was empty: the server knows that there is nothing, and reads all of it.
    rival.execute("ALTER TABLE things SET (autovacuum_enabled = false)")
    rival.execute("VACUUM things")
    drive = open_drive(connections=1)
    assert find(drive) == 1
    rival.execute("INSERT INTO things SELECT 'a' || n, 1 FROM generate_series(1, 20000) AS n")
    seconds.passed += KEPT_SECONDS / 2
    assert find(drive) == 1
    seconds.passed += KEPT_SECONDS
    assert find(drive) == 0


def test_plans_are_thrown_away_once_a_second_and_not_at_every_event(seconds: Seconds) -> None:
    kept = Plans()
    said = list[Any]()
    for _ in range(32):
        seconds.passed += KEPT_SECONDS / 8
        said.append(tuple(kept.calls_for(SETTLING)))
    assert said.count((KEEP, FORGET)) == 4 and said.count((KEEP,)) == 28
    assert kept.calls_for("list") == ()
    assert frozenset({SETTLING, "read_order", "checkout", "created"}) == plans.KEEPING
