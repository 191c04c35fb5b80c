"""Rules of lists: what no webhook told is found in them, whole, and never taken for less than it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from payonce.domain.observation import Observation
from payonce.providers.contract import Capabilities, Listing, Verified
from payonce.providers.listing import Entry, Lists, Page
from payonce.providers.transport import Answer
from payonce.testing.conformance.bench import MINUTE, Bench, NotReady, came, payments
from payonce.testing.conformance.garbage import BYTES, HEADERS, STATUSES, try_many
from payonce.testing.conformance.rules import need, rule
from payonce.testing.conformance.wire import UNDECIDED, Course, answered, half_answered, lost_before

# More than any list holds that a rule makes.
MOST_PAGES: Final = 200
SECOND: Final = timedelta(seconds=1)


def _has(capabilities: Capabilities) -> bool:
    return bool(capabilities.lists)


def _has_log(capabilities: Capabilities) -> bool:
    return any(listing.is_log for listing in capabilities.lists)


@rule("An adapter says which lists it has: each has a name of its own, and is read again by an overlap.", by_flow=False)
def owned_up_to(bench: Bench) -> None:
    lists = bench.capabilities.lists
    need(isinstance(bench.adapter, Lists) or not lists, "it says that it has lists, and cannot ask for them")
    need(len({listing.name for listing in lists}) == len(lists), "two lists have one name")
    need(all(listing.overlap_seconds > 0 for listing in lists), "a list has no overlap")
    need(all(listing.reach_seconds is None or listing.reach_seconds > 0 for listing in lists), "a list reaches nowhere")


@rule("What was paid is in a list of its time, with its money and whose it is.", applies=_has)
def what_was_paid_is_listed(bench: Bench) -> None:
    began = bench.clock.now() - SECOND
    made, _ = bench.paid()
    seen = _seen(bench, [entry for listing in bench.capabilities.lists for entry in _walk(bench, listing, began)])
    told, truth = came(seen), {one.id: one.amount_minor for one in bench.captures(made)}
    need({ref.id: minor for ref, minor in told.items()} == truth, f"the lists tell of {told}, and {truth} came")
    owners = {one.attempt_id for one in payments(seen)} - {None}
    need(owners == {made.ask.attempt_id}, f"the lists tell of the attempts {owners}")


@rule("An entry of a log has the key by which its webhook is known.", applies=_has_log)
def the_keys_of_a_log(bench: Bench) -> None:
    began = bench.clock.now() - SECOND
    _, heard = bench.paid()
    keys = {each.verdict.key for each in heard if isinstance(each.verdict, Verified) and each.verdict.handled}
    logs = [listing for listing in bench.capabilities.lists if listing.is_log]
    entries = [entry for listing in logs for entry in _walk(bench, listing, began)]
    told = {bench.adapter.again(entry.body, "backfill").key for entry in entries}
    need(keys <= told, f"of {len(keys)} webhooks {len(keys - told)} are not in the log by their keys")
    named = [(entry.key, bench.adapter.again(entry.body, "backfill").key) for entry in entries if entry.key]
    other = [said for said, read in named if said != read]
    need(not other, f"an entry says that its key is {other[:1]}, and is read under another one")


@rule("Windows that meet show together what one long window shows, and each entry is within its window.", applies=_has)
def windows_leave_nothing_out(bench: Bench) -> None:
    began = bench.clock.now() - SECOND
    for _ in range(5):
        bench.paid()
        bench.clock.advance(7)
    middle, end = bench.clock.now() - timedelta(seconds=2 * MINUTE), bench.clock.now()
    longest = 0
    for listing in bench.capabilities.lists:
        whole = [entry.body for entry in _walk(bench, listing, began)]
        longest = max(longest, len(whole))
        need(len(set(whole)) == len(whole), f"{listing.name} shows an entry on two pages")
        parts: set[bytes] = set()
        for since, until in ((began, middle), (middle, end)):
            entries = _walk(bench, listing, since, until)
            parts |= {entry.body for entry in entries}
            times = [entry.made_at for entry in entries if entry.made_at is not None]
            need(len(times) == len(entries), f"an entry of {listing.name} says no time")
            need(all(since - SECOND <= at <= until + SECOND for at in times), f"{listing.name} shows other times")
        need(parts == set(whole), f"{listing.name} shows {len(parts)} of {len(whole)} entries in two windows")
    need(longest >= 5, f"five payments were made, and the longest list shows {longest} entries")


@rule("A list that was not answered is no list, and above all no empty one.", applies=_has, by_flow=False)
def nothing_is_decided(bench: Bench) -> None:
    bench.paid()
    courses: dict[str, Course] = {"no answer": lost_before, "half an answer": half_answered} | {
        name: answered(answer) for name, answer in UNDECIDED.items()
    }
    for name, course in courses.items():
        for listing in bench.capabilities.lists:
            with bench.wire.going(course):
                page = bench.run(bench.till.list_page(listing.name, bench.clock.now() - SECOND, None))
            need(not isinstance(page, Page), f"after {name} {listing.name} is {page!r:.200}")


@rule("Garbage is no list, and nothing is raised.", applies=_has, by_flow=False)
def garbage_is_no_list(bench: Bench) -> None:
    adapter = bench.adapter
    if not isinstance(adapter, Lists):
        return
    calls = [adapter.list_page(each.name, bench.clock.now(), None, None) for each in bench.capabilities.lists]

    def work(status: int, headers: dict[str, str], body: bytes) -> None:
        for call in calls:
            page = adapter.listed(call, Answer(status, tuple(headers.items()), body))
            need(not isinstance(page, Page), f"{body!r:.100} is the list {page!r:.200}")

    try_many(work, STATUSES, HEADERS, BYTES)


def _walk(bench: Bench, listing: Listing, since: datetime, until: datetime | None = None) -> list[Entry]:
    """All entries of a window. Raises NotReady where the list does not come to its end."""
    found: list[Entry] = []
    page: str | None = None
    for _ in range(MOST_PAGES):
        got = bench.run(bench.till.list_page(listing.name, since, until, page))
        if not isinstance(got, Page):
            raise NotReady(f"{listing.name} was answered {got!r:.300}")
        found += got.entries
        page = got.next_page
        if page is None:
            return found
    raise NotReady(f"{listing.name} has no end")


def _seen(bench: Bench, entries: list[Entry]) -> tuple[Observation, ...]:
    """What the entries say, read as they are stored."""
    said = [bench.adapter.again(entry.body, "backfill") for entry in entries]
    return tuple(one for each in said if isinstance(each, Verified) for one in each.observations)
