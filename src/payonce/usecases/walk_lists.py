"""Walk a provider's lists by time, the oldest first, and hand over what is in them; a cursor remembers how far.

A window that holds more than a page is narrowed until it does not, so that every step is a window read wholly: only
then is it handed over, and only when that is stored does the cursor move. What was read is read again by an overlap at
the next walk, because lists lag and objects change. Times are the provider's throughout: a clock of ours that is
wrong skips nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from payonce.domain.finding import Finding
from payonce.providers.contract import Listing, NotDone, Unknown
from payonce.providers.gateway import MOST_PAGES, ProviderLooker
from payonce.providers.listing import Entry, Page
from payonce.store import queries
from payonce.store.database import Tx
from payonce.store.findings import resolve_findings, write_findings
from payonce.usecases.world import World

CURSORS: Final = queries.load("cursors")
# A list that was never read begins so long before the account's first attempt: clocks jump by hours, not by days.
BEGIN_MARGIN: Final = timedelta(days=1)
# A window is cut to no less than this part of it at once: what a page spans is a guess from its newest entries.
LARGEST_CUT: Final = 4
# Shorter outages of a provider are nobody's business; the next walk reads what was missed.
SILENT_AFTER: Final = timedelta(hours=1)
# Providers name times in whole seconds, so nothing smaller can be asked for.
SMALLEST_WINDOW: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of entries that were handed over: how many were news, and how many are somebody else's."""

    new: int = 0
    others: int = 0


Take = Callable[[ProviderLooker, Listing, Sequence[Entry]], Awaitable[Taken]]


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk did. `is_behind`: it stopped before the end, because it had read enough for one time; `silent`: lists
    whose provider gave no answer.
    """

    pages: int = 0
    entries: int = 0
    new: int = 0
    others: int = 0
    silent: int = 0
    is_behind: bool = False

    def plus(self, other: Walked) -> Walked:
        """Both together."""
        return Walked(
            self.pages + other.pages, self.entries + other.entries, self.new + other.new, self.others + other.others,
            self.silent + other.silent, self.is_behind or other.is_behind,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Cursor:
    read_until: datetime
    resume_at: datetime | None
    walked_at: datetime | None


async def walk_lists(world: World, merchant_id: str, take: Take, most_pages: int) -> Walked:
    """Walk every list of the merchant's accounts that is due, about `most_pages` pages altogether."""
    due = await _due(world, merchant_id, is_entering=True)
    walked = Walked()
    # Each list has its share, so that one that is far behind leaves the others in time.
    share = max(2, most_pages // max(1, len(due)))
    for looker, listing, cursor in due:
        if world.is_stopped:
            break
        walked = walked.plus(await _Walk(world, merchant_id, looker, listing, take, share).go(cursor))
    return walked


@dataclass(frozen=True, slots=True)
class ListDue:
    """A list that is to be read, of which account, and from when on."""

    account: str
    name: str
    since: datetime


async def lists_due(world: World, merchant_id: str) -> list[ListDue]:
    """The lists that a walk would read now. Reads only; a list that was never read is not told of."""
    return [
        ListDue(f"{looker.provider}:{looker.account}", listing.name, _since(cursor, listing))
        for looker, listing, cursor in await _due(world, merchant_id, is_entering=False)
    ]


async def _due(world: World, merchant_id: str, *, is_entering: bool) -> list[tuple[ProviderLooker, Listing, _Cursor]]:
    """The merchant's lists that have rested long enough, and how far each was read."""
    accounts = [
        (world.looker(*key), await _cursors(world, merchant_id, key, is_entering=is_entering))
        for key in world.accounts_of(merchant_id)
    ]
    return [
        (looker, listing, cursor)
        for looker, cursors in accounts
        for listing, cursor in cursors
        if _is_due(cursor, listing, world.clock.now())
    ]


def _since(cursor: _Cursor, listing: Listing) -> datetime:
    """Where a walk goes on, or begins again, an overlap earlier than what was read."""
    return cursor.resume_at or cursor.read_until - timedelta(seconds=listing.overlap_seconds)


def _is_due(cursor: _Cursor, listing: Listing, now: datetime) -> bool:
    """Whether the list has rested long enough; after a jump of our clock it is due."""
    if cursor.walked_at is None or cursor.resume_at is not None:
        return True
    return not timedelta() <= now - cursor.walked_at < timedelta(seconds=listing.pause_seconds)


async def _cursors(
    world: World, merchant_id: str, key: tuple[str, str], *, is_entering: bool
) -> list[tuple[Listing, _Cursor]]:
    """The account's lists with how far each was read; one that is new is entered, unless nothing is to be written."""
    lists = world.looker(*key).capabilities.lists
    given = {"merchant_id": merchant_id, "provider": key[0], "account": key[1]}

    async def work(tx: Tx) -> dict[str, _Cursor]:
        rows = await tx.rows(CURSORS.cursors_of_account, **given)
        missing = [listing for listing in lists if listing.name not in {row.list for row in rows}]
        if missing and is_entering:
            for listing in missing:
                await tx.run(CURSORS.begin_cursor, **given, list=listing.name, now=tx.now, margin=BEGIN_MARGIN)
            rows = await tx.rows(CURSORS.cursors_of_account, **given)
        return {row.list: _Cursor(row.read_until, row.resume_at, row.walked_at) for row in rows}

    found = await world.database.transaction(work, name="cursors", read_only=not is_entering) if lists else {}
    return [(listing, found[listing.name]) for listing in lists if listing.name in found]


def _narrower(window: timedelta, page: Page | NotDone | Unknown) -> timedelta:
    """How much time to ask for after a window that held too much: what a page of it spans, within a half and a part."""
    spans = page.spans if isinstance(page, Page) else timedelta()
    return min(window / 2, max(spans, window / LARGEST_CUT, SMALLEST_WINDOW))


def _is_too_much(page: Page | NotDone | Unknown) -> bool:
    """Whether a window holds more than is read at once."""
    return page.next_page is not None if isinstance(page, Page) else isinstance(page, Unknown) and page.is_too_much


class _Walk:
    """One walk over one list, from where the cursor stands towards the list's end."""

    def __init__(
        self, world: World, merchant_id: str, looker: ProviderLooker, listing: Listing, take: Take, most_pages: int
    ) -> None:
        self._world = world
        self._merchant_id = merchant_id
        self._looker = looker
        self._listing = listing
        self._take = take
        self._most_pages = most_pages
        self._pages = 0
        self._name = f"{looker.provider}:{looker.account}:{listing.name}"

    async def go(self, cursor: _Cursor) -> Walked:
        """Read window after window; what was walked."""
        walked, begun = Walked(), cursor
        since = _since(cursor, self._listing)
        until: datetime | None = None
        # The newest entry that was met, and how much time a page held last.
        newest, width = cursor.read_until, timedelta()
        # One window at least, however many pages it takes to find out how much time fits a page.
        while (self._pages < self._most_pages or cursor is begun) and not self._world.is_stopped:
            page = await self._page(since, until)
            if isinstance(page, Page):
                newest = max(newest, page.newest or newest)
            end = until or newest
            if _is_too_much(page) and end - since > SMALLEST_WINDOW:
                width = _narrower(end - since, page)
                until = since + width
                continue
            entries = await self._whole(page, since, until) if isinstance(page, Page) else None
            if entries is None or not isinstance(page, Page):
                await self._note_silence(cursor, page)
                return replace(walked, pages=self._pages, silent=1)
            taken = await self._take(self._looker, self._listing, entries)
            walked = walked.plus(Walked(0, len(entries), taken.new, taken.others))
            moved = await self._move(cursor, until, max(newest, cursor.read_until), len(entries), taken)
            if moved is None or until is None:
                return replace(walked, pages=self._pages)
            cursor, since = moved, until
            width = width * 2 if page.next_page is None else width
            until = since + width if since + width < newest else None
        return replace(walked, pages=self._pages, is_behind=True)

    async def _note_silence(self, cursor: _Cursor, page: Page | NotDone | Unknown) -> None:
        """Tell a person of a list that is refused, or that was not read to its end for an hour: nothing else would."""
        now = self._world.clock.now()
        is_long = cursor.walked_at is not None and now - cursor.walked_at > SILENT_AFTER
        if not is_long and not (isinstance(page, NotDone) and not page.may_repeat):
            return
        why = f"{page.code}: {page.message}" if isinstance(page, NotDone) else getattr(page, "reason", "half an answer")
        finding = Finding(self._world.ids.new(), "list_silent", self._name, None, 0, None, {"reason": why[:200]})

        async def note(tx: Tx) -> None:
            write_findings(tx, self._merchant_id, [finding])

        await self._world.database.transaction(note, name="note_silence")

    async def _page(self, since: datetime, until: datetime | None, page: str | None = None) -> Page | NotDone | Unknown:
        self._pages += 1
        return await self._looker.list_page(self._listing.name, since, until, page)

    async def _whole(self, first: Page, since: datetime, until: datetime | None) -> list[Entry] | None:
        """All entries of a window, the oldest first; None where a page of it was not answered."""
        found, page = list(first.entries), first
        while page.next_page is not None:
            following = await self._page(since, until, page.next_page)
            if not isinstance(following, Page) or self._pages > self._most_pages + MOST_PAGES:
                return None
            found, page = found + list(following.entries), following
        # What was made in one second stays in the order in which it was made.
        found.reverse()
        return sorted(found, key=lambda entry: entry.made_at or since)

    async def _move(
        self, cursor: _Cursor, until: datetime | None, newest: datetime, entries: int, taken: Taken
    ) -> _Cursor | None:
        """Move the cursor over a window that is stored; None where somebody else has moved it meanwhile."""
        finding_id = self._world.ids.new()
        reach = self._listing.reach_seconds

        async def work(tx: Tx) -> _Cursor | None:
            is_end = until is None
            row = await tx.one(
                CURSORS.move_cursor, merchant_id=self._merchant_id, provider=self._looker.provider,
                account=self._looker.account, list=self._listing.name, read_until=until or newest,
                resume_at=until, walked_at=tx.now if is_end else None, entries_read=entries, entries_new=taken.new,
                entries_of_others=taken.others, stood_until=cursor.read_until, stood_at=cursor.resume_at,
            )  # fmt: skip
            if row is None:
                return None
            if reach is not None and cursor.walked_at and tx.now - cursor.walked_at > timedelta(seconds=reach):
                detail = {"last_walked": cursor.walked_at.isoformat(), "reach_days": str(reach // 86400)}
                write_findings(
                    tx, self._merchant_id, [Finding(finding_id, "list_hole", self._name, None, 0, None, detail)]
                )
            if is_end:
                resolve_findings(tx, self._merchant_id, {f"list_silent:{self._name}"}, "it was read to its end")
            return _Cursor(row.read_until, until, tx.now if is_end else cursor.walked_at)

        return await self._world.database.transaction(work, name="move_cursor")
