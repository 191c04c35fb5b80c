"""Import a settlement file: the provider's money records of one day, for accounts whose provider has no list.

The whole file is read before anything is kept, so that half a file is never taken for a day. The same file twice is the
same day; a newer one sets aside what it does not hold any more. Comparing follows by `reconcile`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Final

from payonce.base.errors import Conflict, Refused
from payonce.domain.reconciliation import MoneyRecord, MoneySource
from payonce.store import reconciliation as store
from payonce.store.database import Tx
from payonce.store.reconciliation import MOST_ROWS, WINDOWS, Window, WindowKey
from payonce.usecases.reconcile_step import LEASE, began_again, compare_again, grew_much, in_window, learn_records
from payonce.usecases.world import World

# Text of the file, from its beginning, as often as it is asked for.
Open = Callable[[], Iterable[str]]
Watch = Callable[[int], None]
STOPPED: Final = "somebody else works on this day now; import the file again"


@dataclass(frozen=True, slots=True)
class Imported:
    """What was kept of a file: all its records, and those that were not known before."""

    key: WindowKey
    records: int
    new: int


def unwatched(records: int) -> None:
    """Nobody watches."""


async def import_money(
    world: World, merchant_id: str, key: WindowKey, open_file: Open, *, plain: bool = False, watch: Watch = unwatched
) -> Imported:
    """Keep the records of the file as those of the day. `plain`: it is the plain file and not the provider's own.

    Raises Refused `provider_unknown`, `money_listed`, `day_not_over` or `money_file_invalid`; Conflict `window_held`.
    """
    looker = world.looker(key.provider, key.account)
    source = looker.money_source
    if world.merchants[key.provider, key.account] != merchant_id:
        raise Refused("there is no such account", code="provider_unknown", param="provider", status=404)
    if source.by == "list":
        raise Refused(
            f"{key.provider} is asked for its records itself; a file beside them would count money twice",
            code="money_listed", param="provider", hint="Use `payonce reconcile run`.",
        )  # fmt: skip
    if key.day > source.last_whole_day(world.clock.now()):
        raise Refused(f"{key.day} is not over there", code="day_not_over", param="day")
    for _ in looker.money_of_file(open_file(), key.day, plain=plain):
        pass
    window = await _begin(world, merchant_id, key, source)
    records = new = 0
    for batch in _batches(looker.money_of_file(open_file(), key.day, plain=plain)):
        kept, unknown = await _stage(world, merchant_id, window, source, batch)
        if grew_much(records, records + kept):
            await learn_records(world)
        records, new = records + kept, new + unknown
        watch(records)
    await _end(world, merchant_id, window, records)
    return Imported(key, records, new)


def _batches(records: Iterator[MoneyRecord]) -> Iterator[list[MoneyRecord]]:
    while batch := list(islice(records, MOST_ROWS)):
        yield batch


async def _begin(world: World, merchant_id: str, key: WindowKey, source: MoneySource) -> Window:
    """Take the window, and begin a new reading of it."""
    from_at = source.begin_of(key.day)

    async def work(tx: Tx) -> Window:
        opened = {"from_at": from_at, "to_at": from_at + timedelta(days=1), "now": tx.now}
        await tx.all((WINDOWS.open_window, {**store.of_window(merchant_id, key), **opened}))
        window = await store.lock(tx, merchant_id, key)
        if window is None or (window.lease_until is not None and window.lease_until > tx.now):
            raise Conflict(f"somebody works on {key.day} at this moment", code="window_held")
        began_again(window, reads=True)
        window.fence, window.lease_until = window.fence + 1, tx.now + LEASE
        store.write(tx, merchant_id, window)
        return window

    return await world.database.transaction(work, name="import_money_begin")


async def _stage(
    world: World, merchant_id: str, window: Window, source: MoneySource, batch: list[MoneyRecord]
) -> tuple[int, int]:
    async def keep(tx: Tx, mine: Window) -> tuple[int, int]:
        return await store.stage(tx, merchant_id, mine, source, batch)

    return _ours(await in_window(world, merchant_id, window, keep, name="import_money"))


async def _end(world: World, merchant_id: str, window: Window, records: int) -> None:
    """Set aside what the file does not hold any more; the day is known, and is to be compared."""

    async def close(tx: Tx, mine: Window) -> tuple[int, int]:
        mine.records = records
        given = store.of_window(merchant_id, mine.key)
        tx.later(WINDOWS.withdraw_records, **given, now=tx.now, reading=mine.reading)
        mine.read_from, mine.read_until, mine.lease_until = mine.from_at, mine.to_at, None
        compare_again(mine)
        return 0, 0

    _ours(await in_window(world, merchant_id, window, close, name="import_money_end"))


def _ours(result: tuple[int, int] | None) -> tuple[int, int]:
    if result is None:
        raise Conflict(STOPPED, code="window_held")
    return result
