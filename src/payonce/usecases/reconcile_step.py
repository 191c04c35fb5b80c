"""One batch on a window of reconciliation: under its lock and while its fence is ours; then its state is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from payonce.store import reconciliation as store
from payonce.store.database import Call, Tx
from payonce.store.reconciliation import WINDOWS, Window
from payonce.usecases.world import World

T = TypeVar("T")
# Renewed by every batch; a batch with calls lasts less than two minutes.
LEASE: Final = timedelta(minutes=3)
# From here on the planner is told how many rows there are; for fewer any plan is good.
MANY: Final = 1_000
# How closely it looks: at 300 times as many rows, picked by chance. The usual 100 would read every page of a million.
LOOK: Final[Call] = (WINDOWS.set_here, {"name": "default_statistics_target", "setting": "30"})


@dataclass(frozen=True, slots=True)
class Stepped:
    """The window after a batch; how many objects were settled and found; and why its provider said nothing, if so."""

    window: Window
    settled: int = 0
    found: int = 0
    silence: str | None = None


async def in_window(
    world: World,
    merchant_id: str,
    window: Window,
    decide: Callable[[Tx, Window], Awaitable[T]],
    *,
    name: str,
    done: Callable[[Window], T] | None = None,
) -> T | None:
    """Run `decide` on the locked window and write it back; None where somebody else took it over meanwhile.

    `done` answers instead where the window has moved on: an earlier run of this batch was committed, and its answer
    lost.
    """

    async def work(tx: Tx) -> T | None:
        mine = await store.lock(tx, merchant_id, window.key)
        if mine is None or mine.fence != window.fence:
            return None
        if done is not None and mine.place != window.place:
            return done(mine)
        mine.lease_until = tx.now + LEASE
        result = await decide(tx, mine)
        if mine.is_done:
            mine.lease_until = None
        store.write(tx, merchant_id, mine)
        return result

    return await world.database.transaction(work, name=name)


def grew_much(before: int, after: int) -> bool:
    """Whether the planner's idea of the records is out of date: they became thousands, tens of thousands, and so on."""
    return after >= MANY and len(str(before)) < len(str(after))


async def learn_records(world: World) -> None:
    """Tell the planner how many records there are by now."""

    async def learn(tx: Tx) -> None:
        await tx.all(LOOK, (WINDOWS.learn_records, {}))

    await world.database.transaction(learn, name="reconcile_learn")


def began_again(window: Window, *, reads: bool) -> None:
    """Set the window to its beginning: to be read and compared, or only to be compared."""
    window.trouble, window.settled, window.rounds = None, 0, 0
    if reads:
        window.state, window.cursor, window.reading, window.records = "reading", None, window.reading + 1, 0
        window.read_until_wanted, window.news, window.passes = None, 0, 1
    else:
        compare_again(window)


def compare_again(window: Window) -> None:
    """Begin a comparison; what an earlier one counted is counted anew."""
    window.state, window.cursor = "comparing_theirs", None
    window.comparison, window.rounds = window.comparison + 1, window.rounds + 1
    window.matched = window.foreign_records = 0
