"""Walk a provider's lists by time, the oldest first, and hand over what is in them; a cursor remembers how far.

A window that holds more than a page is narrowed until it does not, so that every step is a window read wholly: only
then is it handed over, and only when that is stored does the cursor move. What was read is read again by an overlap at
the next walk, because lists lag and objects change. Times are the provider's throughout: a clock of ours that is
wrong skips nothing. A list in which nothing happens moves on by when the provider told of it, so that what is old in
it is not read for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from payonce.domain.finding import Finding
from payonce.providers.contract import Listing, NotDone, Unknown
from payonce.providers.gateway import MOST_PAGES, ProviderLooker
from payonce.providers.listing import Entry, Page
from payonce.store import queries
from payonce.store.database import Awaited, Call, Row, Tx
from payonce.store.findings import resolve_findings, write_findings
from payonce.usecases.take_listed import Listed, Looked, Taken, Taker
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
# Why a finding about a silent list is closed.
READ_AGAIN: Final = "it was read to its end"
# How a list answers a call for a page.
Answered: TypeAlias = Page | NotDone | Unknown


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


async def walk_lists(world: World, merchant_id: str, taker: Taker, most_pages: int) -> Walked:
    """Walk every list of the merchant's accounts that is due, about `most_pages` pages altogether.

    The first pages of all of them are looked at in one transaction. Mostly they tell nothing new, and that was all.
    """
    due = await _due(world, merchant_id, is_entering=True)
    # Each list has its share, so that one that is far behind leaves the others in time.
    share = max(2, most_pages // max(1, len(due)))
    walks = [_Walk(world, merchant_id, looker, listing, taker, share, cursor) for looker, listing, cursor in due]
    begun: list[tuple[_Walk, Answered]] = []
    for walk in walks:
        if world.is_stopped:
            break
        begun.append((walk, await walk.first_page()))
    windows = [walk.window_of(page) for walk, page in begun]
    whole = [window for window in windows if window is not None]
    ended = dict(zip(map(id, whole), await _look(world, merchant_id, taker, whole), strict=True))
    walked = Walked()
    for (walk, page), window in zip(begun, windows, strict=True):
        seen = ended.get(id(window))
        if window is not None and seen is not None and seen.is_moved:
            walked = walked.plus(Walked(1, len(window.listed.entries), 0, seen.looked.others))
        elif not world.is_stopped:
            walked = walked.plus(await walk.go(page))
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


def _narrower(window: timedelta, page: Answered) -> timedelta:
    """How much time to ask for after a window that held too much: what a page of it spans, within a half and a part."""
    spans = page.spans if isinstance(page, Page) else timedelta()
    return min(window / 2, max(spans, window / LARGEST_CUT, SMALLEST_WINDOW))


def _is_too_much(page: Answered) -> bool:
    """Whether a window holds more than is read at once."""
    return page.next_page is not None if isinstance(page, Page) else isinstance(page, Unknown) and page.is_too_much


@dataclass(frozen=True, slots=True)
class _Window:
    """A window that was read wholly, from where the cursor stood `until` a time; None: to the list's end, which was at
    `end` then."""

    listed: Listed
    cursor: _Cursor
    until: datetime | None
    end: datetime

    @property
    def name(self) -> str:
        """Whose list it is, as findings name it."""
        looker = self.listed.looker
        return f"{looker.provider}:{looker.account}:{self.listed.listing.name}"

    def is_after_hole(self, now: datetime) -> bool:
        """Whether the list was left for so long that it does not reach back to where it was left."""
        reach, walked_at = self.listed.listing.reach_seconds, self.cursor.walked_at
        return reach is not None and walked_at is not None and now - walked_at > timedelta(seconds=reach)

    def move(self, merchant_id: str, now: datetime, taken: Taken) -> Call:
        """The statement that moves the cursor over the window; it gives no row where somebody else has moved it."""
        looker, is_end = self.listed.looker, self.until is None
        return CURSORS.move_cursor, {
            "merchant_id": merchant_id, "provider": looker.provider, "account": looker.account,
            "list": self.listed.listing.name, "read_until": self.until or self.end, "resume_at": self.until,
            "walked_at": now if is_end else None, "entries_read": len(self.listed.entries), "entries_new": taken.new,
            "entries_of_others": taken.others, "stood_until": self.cursor.read_until, "stood_at": self.cursor.resume_at,
        }  # fmt: skip

    def moved(self, row: Row, now: datetime) -> _Cursor:
        """Where the cursor stands afterwards."""
        return _Cursor(row.read_until, self.until, now if self.until is None else self.cursor.walked_at)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was found out about a window; with `is_moved` it told nothing new, and its cursor went on to `cursor` (None:
    somebody else had moved it)."""

    looked: Looked
    is_moved: bool = False
    cursor: _Cursor | None = None


async def _look(world: World, merchant_id: str, taker: Taker, windows: Sequence[_Window]) -> list[_Seen]:
    """Look at windows in one transaction, and move the cursors of those that tell nothing new in it."""
    if not windows:
        return []
    readings = [taker.read(window.listed) for window in windows]

    async def work(tx: Tx) -> list[tuple[Looked, Awaited | None, datetime]]:
        found: list[tuple[Looked, Awaited | None, datetime]] = []
        ended: set[str] = set()
        for window, looked in zip(windows, await taker.look(tx, readings), strict=True):
            moving = None
            # What is to be told to a person is told where the cursor is moved by itself.
            if looked.is_nothing and not window.is_after_hole(tx.now):
                query, given = window.move(merchant_id, tx.now, Taken(0, looked.others))
                moving = tx.read_later(query, **given)
                ended |= {f"list_silent:{window.name}"} if window.until is None else set()
            found.append((looked, moving, tx.now))
        resolve_findings(tx, merchant_id, ended, READ_AGAIN)
        return found

    found = await world.database.transaction(work, name="look_at_lists")
    return [
        _Seen(looked)
        if moving is None
        else _Seen(looked, True, next((window.moved(row, now) for row in moving.rows), None))
        for window, (looked, moving, now) in zip(windows, found, strict=True)
    ]


class _Walk:
    """One walk over one list, from where the cursor stands towards the list's end."""

    def __init__(
        self, world: World, merchant_id: str, looker: ProviderLooker, listing: Listing, taker: Taker, most_pages: int,
        cursor: _Cursor,
    ) -> None:  # fmt: skip
        self._world = world
        self._merchant_id = merchant_id
        self._looker = looker
        self._listing = listing
        self._taker = taker
        self._most_pages = most_pages
        self._cursor = cursor
        self._pages = 0
        self._name = f"{looker.provider}:{looker.account}:{listing.name}"

    async def first_page(self) -> Answered:
        """The page to begin with: all that was made since the cursor, or the newest of it."""
        return await self._page(_since(self._cursor, self._listing), None)

    def window_of(self, first: Answered) -> _Window | None:
        """The window up to the list's end, where the first page holds all of it."""
        if not isinstance(first, Page) or _is_too_much(first):
            return None
        since = _since(self._cursor, self._listing)
        return self._window(self._cursor, _in_order(first.entries, since), None, self._end_of(first, since))

    async def go(self, first: Answered) -> Walked:
        """Read window after window, beginning with the first page; what was walked."""
        walked, cursor = Walked(), self._cursor
        since = _since(cursor, self._listing)
        until: datetime | None = None
        # The newest entry that was met, and how much time a page held last.
        newest, width = cursor.read_until, timedelta()
        page: Answered | None = first
        # One window at least, however many pages it takes to find out how much time fits a page.
        while (self._pages < self._most_pages or cursor is self._cursor) and not self._world.is_stopped:
            page = page or await self._page(since, until)
            if isinstance(page, Page):
                newest = max(newest, page.newest or newest)
            end = until or newest
            if _is_too_much(page) and end - since > SMALLEST_WINDOW:
                width = _narrower(end - since, page)
                until, page = since + width, None
                continue
            entries = await self._whole(page, since, until) if isinstance(page, Page) else None
            if entries is None or not isinstance(page, Page):
                await self._note_silence(cursor, page)
                return replace(walked, pages=self._pages, silent=1)
            taken, moved = await self._take(self._window(cursor, entries, until, self._end_of(page, newest)))
            walked = walked.plus(Walked(0, len(entries), taken.new, taken.others))
            if moved is None or until is None:
                return replace(walked, pages=self._pages)
            cursor, since = moved, until
            width = width * 2 if page.next_page is None else width
            until, page = since + width if since + width < newest else None, None
        return replace(walked, pages=self._pages, is_behind=True)

    def _end_of(self, first: Page, reached: datetime) -> datetime:
        """Where the list ended when this page of it was told: at the newest entry, or where both clocks say that it was
        later, by the one that is behind; never before what was reached."""
        told_at = first.told_at and min(first.told_at, self._world.clock.now())
        return max(at for at in (reached, first.newest, told_at) if at is not None)

    def _window(self, cursor: _Cursor, entries: Sequence[Entry], until: datetime | None, end: datetime) -> _Window:
        listed = Listed(self._looker, self._listing, entries)
        return _Window(listed, cursor, until, max(end, cursor.read_until))

    async def _take(self, window: _Window) -> tuple[Taken, _Cursor | None]:
        """Take a window in, and move the cursor over it; what became of it, and where the cursor stands."""
        [seen] = await _look(self._world, self._merchant_id, self._taker, [window])
        if seen.is_moved:
            return Taken(0, seen.looked.others), seen.cursor
        taken = await self._taker.take(seen.looked)
        return taken, await self._move(window, taken)

    async def _note_silence(self, cursor: _Cursor, page: Answered) -> None:
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

    async def _page(self, since: datetime, until: datetime | None, page: str | None = None) -> Answered:
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
        return _in_order(found, since)

    async def _move(self, window: _Window, taken: Taken) -> _Cursor | None:
        """Move the cursor over a window that is stored; None where somebody else has moved it meanwhile."""
        finding_id = self._world.ids.new()

        async def work(tx: Tx) -> _Cursor | None:
            query, given = window.move(self._merchant_id, tx.now, taken)
            row = await tx.one(query, **given)
            if row is None:
                return None
            if window.is_after_hole(tx.now) and window.cursor.walked_at is not None:
                reach = str((self._listing.reach_seconds or 0) // 86400)
                detail = {"last_walked": window.cursor.walked_at.isoformat(), "reach_days": reach}
                write_findings(
                    tx, self._merchant_id, [Finding(finding_id, "list_hole", self._name, None, 0, None, detail)]
                )
            if window.until is None:
                resolve_findings(tx, self._merchant_id, {f"list_silent:{self._name}"}, READ_AGAIN)
            return window.moved(row, tx.now)

        return await self._world.database.transaction(work, name="move_cursor")


def _in_order(newest_first: Sequence[Entry], since: datetime) -> list[Entry]:
    """The entries, the oldest first. What was made in one second stays in the order in which it was made."""
    oldest_first = list(newest_first)[::-1]
    return sorted(oldest_first, key=lambda entry: entry.made_at or since)
