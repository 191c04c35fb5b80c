"""Reconcile: the provider's money records of each day against ours (B7), in batches that can stop and go on anywhere.

A day of an account is a window: its records are read, compared, what only the provider has is settled by the usual
path, and what is left becomes findings. Every batch is a transaction that ends with a cursor, so that a run that was
killed is taken up where it was, by whoever comes next. It reads and joins, and has no means to create a payment (A8).
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from payonce.base.errors import Refused
from payonce.domain.reconciliation import OVERLAP, MoneySource
from payonce.store import reconciliation as store
from payonce.store.database import Row, Tx
from payonce.store.reconciliation import WINDOWS, Window, WindowKey
from payonce.usecases.reconcile_comparing import compare
from payonce.usecases.reconcile_finding import find_and_close, note_holes
from payonce.usecases.reconcile_reading import read_page
from payonce.usecases.reconcile_settling import settle_what_is_there
from payonce.usecases.reconcile_step import LEASE, Stepped, began_again, in_window
from payonce.usecases.world import World

# Days that are looked at again while lines of them are open: what was late by then has come.
RECENT_DAYS: Final = 3
# A day with open lines is looked at again once a day; less than 24 hours, so that runs may drift.
AGAIN_AFTER: Final = timedelta(hours=20)
# A provider publishes the file of a day on the next one, and a person brings it after that.
FILE_DAYS: Final = 2


@dataclass(frozen=True, slots=True)
class Batch:
    """How a day stands after one batch, for whoever watches: the `number`-th of the `days` that are due of its account.

    `records` were read, or compared since the last reading.
    """

    provider: str
    account: str
    day: date
    state: str
    records: int
    number: int
    days: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What a person asked for: these days and accounts, each once since `since`. Without days: all that is due."""

    days: tuple[date, ...] = ()
    provider: str | None = None
    account: str | None = None
    since: datetime | None = None


@dataclass(slots=True)
class Reconciled:
    """What a call did. `more`: it stopped at its limit, or was told to. `silent`: accounts whose provider gave no
    answer, with its words; `held`: days that somebody else works on.
    """

    batches: int = 0
    days: list[WindowKey] = field(default_factory=list)
    settled: int = 0
    found: int = 0
    more: bool = False
    silent: dict[str, str] = field(default_factory=dict)
    held: list[WindowKey] = field(default_factory=list)


Watch = Callable[[Batch], bool]


def unwatched(batch: Batch) -> bool:
    """Nobody watches, and nobody stops it."""
    return True


async def reconcile(
    world: World, merchant_id: str, limit: int = 100, *, scope: Scope | None = None, watch: Watch = unwatched
) -> Reconciled:
    """Do up to `limit` batches of what is due, the oldest day first; `watch` is told of each, and False stops.

    Raises Refused `provider_unknown` for an account that the merchant does not have.
    """
    asked, did = scope or Scope(), Reconciled()
    for provider, account in _accounts(world, merchant_id, asked):
        source = world.looker(provider, account).money_source
        due = await _due(world, merchant_id, provider, account, source, asked)
        if source.by == "file" and len(due) < len(asked.days):
            did.silent[f"{provider}/{account}"] = "it is reconciled by its settlement file, which is to be imported"
        for number, (key, way) in enumerate(due, start=1):
            tell = partial(_tell, watch, number, len(due))
            if not await _work(world, merchant_id, key, way, did, limit, tell):
                return did
            if f"{provider}/{account}" in did.silent:
                break
        if not asked.days:
            await note_holes(
                world, merchant_id, provider, account, await _missing(world, merchant_id, provider, account)
            )
    return did


async def days_due(world: World, merchant_id: str) -> list[WindowKey]:
    """The days that would be worked on now, of every account. Calls nobody."""
    found: list[WindowKey] = []
    for provider, account in _accounts(world, merchant_id, Scope()):
        source = world.looker(provider, account).money_source
        due = await _due(world, merchant_id, provider, account, source, Scope())
        found.extend(key for key, _ in due)
    return found


def _accounts(world: World, merchant_id: str, scope: Scope) -> list[tuple[str, str]]:
    """The accounts that are meant. Raises Refused `provider_unknown`."""
    found = [key for key in world.accounts_of(merchant_id, scope.provider) if scope.account in (None, key[1])]
    if not found and (scope.provider or scope.account):
        raise Refused("there is no such account", code="provider_unknown", param="provider", status=404)
    return found


async def _work(
    world: World,
    merchant_id: str,
    key: WindowKey,
    way: str,
    did: Reconciled,
    limit: int,
    tell: Callable[[Window], bool],
) -> bool:
    """Move one window on, to its end if the limit allows; whether to go on with the next one."""
    window = await _take(world, merchant_id, key, way)
    if window is None:
        did.held.append(key)
        return True
    while not window.is_done:
        if did.batches >= limit:
            did.more = True
            await _let_go(world, merchant_id, window)
            return False
        step = await _step(world, merchant_id, window)
        if step is None:
            did.held.append(key)
            return True
        did.batches, did.settled, did.found = did.batches + 1, did.settled + step.settled, did.found + step.found
        window = step.window
        if step.silence is not None:
            did.silent[f"{key.provider}/{key.account}"] = step.silence
            await _let_go(world, merchant_id, window)
            return True
        if not tell(window) and not window.is_done:
            did.more = True
            await _let_go(world, merchant_id, window)
            return False
    did.days.append(key)
    return True


def _tell(watch: Watch, number: int, days: int, window: Window) -> bool:
    return watch(Batch(window.provider, window.account, window.day, window.state, window.records, number, days))


async def _step(world: World, merchant_id: str, window: Window) -> Stepped | None:
    """One batch of what the window is at; None where somebody else works on it by now."""
    if window.state == "reading":
        return await read_page(world, merchant_id, window)
    if window.state in ("comparing_theirs", "comparing_ours"):
        return await compare(world, merchant_id, window)
    if window.state == "settling":
        return await settle_what_is_there(world, merchant_id, window)
    return await find_and_close(world, merchant_id, window)


async def _due(
    world: World, merchant_id: str, provider: str, account: str, source: MoneySource, scope: Scope
) -> list[tuple[WindowKey, str]]:
    """The windows to work on, the oldest first, and whether each is `read` or only `compared` (again) or `resumed`."""
    now = world.clock.now()
    last = source.last_whole_day(now)
    first, rows = await _windows(world, merchant_id, provider, account, last)
    known = {row.day: row for row in rows}
    if scope.days:
        wanted = {day: _asked(known.get(day), source, scope) for day in scope.days if day <= source.day_of(now)}
    else:
        wanted = {row.day: _again(row, source, now, last) for row in rows}
        if source.by == "list" and first is not None:
            wanted |= dict.fromkeys(_days(source.day_of(first), last, known), "read")
    return [(WindowKey(provider, account, day), way) for day, way in sorted(wanted.items()) if way]


def _asked(row: Row | None, source: MoneySource, scope: Scope) -> str:
    """What is to be done about a day that a person named; nothing where it was done since."""
    if row is None:
        return "read" if source.by == "list" else ""
    if row.state not in ("provisional", "closed"):
        return _resumed(row, source)
    is_done = scope.since is not None and row.compared_at is not None and row.compared_at > scope.since
    return "" if is_done else "read" if source.by == "list" else "compared"


def _again(row: Row, source: MoneySource, now: datetime, last: date) -> str:
    """What is to be done about a day that has a window already, by itself."""
    if row.state not in ("provisional", "closed"):
        return _resumed(row, source)
    if source.by == "list" and row.state == "provisional":
        # Read before its end, it is read when it is over; read after it, once more when all that is late is there.
        wanted = row.to_at if row.read_until < row.to_at else row.to_at + OVERLAP
        if now >= wanted:
            return "read"
    if row.has_news:
        return "compared"
    if row.has_open and now - row.compared_at >= AGAIN_AFTER:
        is_recent = last - row.day < timedelta(days=RECENT_DAYS)
        return "read" if is_recent and source.by == "list" else "compared"
    return ""


def _resumed(row: Row, source: MoneySource) -> str:
    """A day that is under way goes on where it was; one whose file was not read to its end waits for the file."""
    return "" if source.by == "file" and row.state == "reading" else "resumed"


def _days(first: date, last: date, known: Container[date]) -> list[date]:
    """The days from first to last that are not known."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [day for day in days if day not in known]


async def _windows(
    world: World, merchant_id: str, provider: str, account: str, last: date
) -> tuple[datetime | None, list[Row]]:
    """When the account was first used, and all its windows."""
    given = {"merchant_id": merchant_id, "provider": provider, "account": account}

    async def load(tx: Tx) -> tuple[datetime | None, list[Row]]:
        firsts, rows = await tx.all(
            (WINDOWS.first_attempt, given),
            (WINDOWS.windows_of_account, {**given, "recent": last - timedelta(days=RECENT_DAYS)}),
        )
        return (firsts[0].created_at if firsts else None), rows

    return await world.database.transaction(load, name="reconcile_due", read_only=True)


async def _missing(world: World, merchant_id: str, provider: str, account: str) -> list[date]:
    """The days since the account was first used that nobody compared, and should have by now."""
    source = world.looker(provider, account).money_source
    last = source.last_whole_day(world.clock.now())
    given = {"merchant_id": merchant_id, "provider": provider, "account": account}

    async def load(tx: Tx) -> list[list[Row]]:
        return await tx.all((WINDOWS.first_attempt, given), (WINDOWS.compared_days, given))

    firsts, rows = await world.database.transaction(load, name="reconcile_missing", read_only=True)
    if not firsts:
        return []
    compared = {row.day for row in rows}
    if source.by == "file":
        last -= timedelta(days=FILE_DAYS - 1)
    return _days(source.day_of(firsts[0].created_at), last, compared)


async def _take(world: World, merchant_id: str, key: WindowKey, way: str) -> Window | None:
    """Take the window's lease, and set it back to its beginning where it is to be done again."""
    source = world.looker(key.provider, key.account).money_source
    from_at, taken = source.begin_of(key.day), set[int]()

    async def work(tx: Tx) -> Window | None:
        given = store.of_window(merchant_id, key)
        opened = {**given, "from_at": from_at, "to_at": from_at + timedelta(days=1), "now": tx.now}
        await tx.all((WINDOWS.open_window, opened))
        window = await store.lock(tx, merchant_id, key)
        if window is not None and window.fence in taken:
            # Taken by an earlier run of this, whose answer was lost.
            return window
        if window is None or (window.lease_until is not None and window.lease_until > tx.now):
            return None
        taken.add(window.fence + 1)
        window.fence, window.lease_until = window.fence + 1, tx.now + LEASE
        if window.is_done and way != "resumed":
            began_again(window, reads=way == "read")
        store.write(tx, merchant_id, window)
        return window

    return await world.database.transaction(work, name="reconcile_take")


async def _let_go(world: World, merchant_id: str, window: Window) -> None:
    """Give the lease back, so that whoever comes next goes on at the cursor at once."""

    async def give_back(tx: Tx, mine: Window) -> None:
        mine.lease_until = None

    await in_window(world, merchant_id, window, give_back, name="reconcile_let_go")
