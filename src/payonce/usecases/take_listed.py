"""Take what a list tells: join what is news by the same path as a webhook, and leave the rest alone.

An event of a log has the key by which a webhook told of it, so what came by webhook is known. Of an object that is
listed as it is now, only what says more than our rows is joined and stored. What carries no mark of ours, and names
nothing that we stored, is somebody else's: of events it is stored as any webhook is, of objects it is counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from payonce.domain.book import RefKey
from payonce.domain.observation import DisputeSeen, Observation, PaymentSeen, RefundSeen
from payonce.domain.returning import RANK
from payonce.domain.settling import key_of
from payonce.providers.contract import Listing, Unreadable, Verified
from payonce.providers.gateway import ProviderLooker
from payonce.providers.listing import Entry
from payonce.store import queries
from payonce.store.database import Call, Tx
from payonce.usecases.close_orphans import Orphan, close_orphan, orphans_of
from payonce.usecases.receive import take_in
from payonce.usecases.tell import Told, keys_of
from payonce.usecases.world import World

CURSORS: Final = queries.load("cursors")
# As many as a page holds at most providers; the books of one transaction are locked together.
TOGETHER: Final = 100
# What an attempt in this state was seen as; anything else is news.
SAYS_NOTHING_NEW: Final[Mapping[str, frozenset[str]]] = {
    "open": frozenset({"open"}),
    "pending": frozenset({"pending"}),
    "closing": frozenset({"open", "asks_again"}),
    "abandoned": frozenset({"open", "action", "asks_again", "pending", "unknown"}),
    # Without money nothing moves them any more.
    "paid": frozenset({"open", "action", "asks_again", "pending", "paid", "failed", "closed", "unknown"}),
    "failed": frozenset({"open", "action", "asks_again", "pending", "failed", "closed", "unknown"}),
    "closed": frozenset({"open", "action", "asks_again", "pending", "failed", "closed", "unknown"}),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of entries that were handed over: how many were news, and how many are somebody else's."""

    new: int = 0
    others: int = 0


@dataclass(slots=True)
class Facts:
    """What our rows say of what windows of lists name. `known_events`: account and key."""

    known_events: set[tuple[tuple[str, str], str]] = field(default_factory=set)
    owners: dict[RefKey, UUID] = field(default_factory=dict)
    attempts: dict[UUID, Any] = field(default_factory=dict)
    captures: dict[RefKey, Any] = field(default_factory=dict)
    returns: dict[RefKey, Any] = field(default_factory=dict)

    def owner_of(self, observation: Observation) -> Any | None:
        """The attempt that it is about, as far as we know it."""
        stored: list[UUID | None] = [self.owners[key] for key in keys_of(observation) if key in self.owners]
        for attempt_id in [*stored, observation.seen.attempt_id]:
            attempt = self.attempts.get(attempt_id) if attempt_id is not None else None
            # An attempt counts only within the account that it was made with.
            if attempt is not None and (attempt.provider, attempt.account) == (
                observation.provider,
                observation.account,
            ):
                return attempt
        return None


@dataclass(frozen=True, slots=True)
class Listed:
    """A window of a list that was read wholly: of which account, and its entries, the oldest first."""

    looker: ProviderLooker
    listing: Listing
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a window tells beyond our rows: its news, and objects that can be paid and shall not be. `others`: how many
    of its entries are somebody else's."""

    listed: Listed
    news: tuple[Entry, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    others: int = 0

    @property
    def is_nothing(self) -> bool:
        """Whether all of it is already as we know it."""
        return not self.news and not self.orphans


class Taker:
    """Takes windows for one merchant. `actor` stands in the audit."""

    def __init__(self, world: World, merchant_id: str, actor: str) -> None:
        self._world = world
        self._merchant_id = merchant_id
        self._actor = actor
        self.applied = 0
        self.closed = 0

    def read(self, listed: Listed) -> Reading:
        """What the entries say, as far as they must be read to know whether they are news. No call is made."""
        said: list[Verified | Unreadable | None] = [
            # An event is known by its key, whatever it says.
            None if listed.listing.is_log and entry.key else listed.looker.again(entry.body, "backfill")
            for entry in listed.entries
        ]
        return Reading(listed, tuple(said))

    async def look(self, tx: Tx, readings: Sequence[Reading]) -> list[Looked]:
        """What of all these windows is news, by one round trip. Locks nothing: joining decides again under lock."""
        facts = await self._facts(tx, readings)
        return [_looked(reading, facts) for reading in readings]

    async def take(self, looked: Looked) -> Taken:
        """Join what is news, and close what shall not be payable."""
        looker, new, others = looked.listed.looker, 0, looked.others
        for at in range(0, len(looked.news), TOGETHER):
            tolds = [self._told(looker, entry) for entry in looked.news[at : at + TOGETHER]]
            received = await take_in(self._world, self._merchant_id, tolds, self._actor)
            self.applied += sum(one.outcome == "applied" for one in received)
            others += sum(one.reason == "not_ours" for one in received)
            new += len(tolds)
        for orphan in looked.orphans:
            self.closed += await close_orphan(self._world, self._merchant_id, looker, orphan, self._actor)
        return Taken(new, others)

    def _told(self, looker: ProviderLooker, entry: Entry) -> Told:
        said = looker.again(entry.body, "backfill")
        digest = hashlib.sha256(entry.body).digest()
        return Told(self._world.ids.new(), looker.provider, looker.account, "backfill", said, entry.body, digest)

    async def _facts(self, tx: Tx, readings: Sequence[Reading]) -> Facts:
        """What is known of all that the windows name."""
        named = [(reading.account, key) for reading in readings for key in reading.keys]
        # Of a log it is enough to know which of its events are known.
        seen = [one for reading in readings if not reading.listed.listing.is_log for one in reading.observations]
        keys = list(dict.fromkeys(key for one in seen for key in (*keys_of(one), key_of(one, one.seen.ref))))
        given = {"merchant_id": self._merchant_id}
        events = given | {
            "providers": [provider for (provider, _), _ in named], "accounts": [account for (_, account), _ in named],
            "keys": [key for _, key in named],
        }  # fmt: skip
        calls: list[Call] = [(CURSORS.events_named, events)]
        if seen:
            refs = given | {
                "providers": [key.provider for key in keys], "accounts": [key.account for key in keys],
                "kinds": [key.kind for key in keys], "refs": [key.id for key in keys],
            }  # fmt: skip
            marks = sorted({one.seen.attempt_id for one in seen if one.seen.attempt_id is not None})
            calls += [
                (CURSORS.refs_named, refs), (CURSORS.captures_named, refs), (CURSORS.returns_named, refs),
                (CURSORS.attempts_of_refs_named, refs), (CURSORS.attempts_named, given | {"attempt_ids": marks}),
            ]  # fmt: skip
        known, *rest = await tx.all(*calls)
        facts = Facts({((row.provider, row.account), row.event_key) for row in known})
        if rest:
            owners, captures, returns, by_ref, by_id = rest
            facts.owners = {_key(row): row.attempt_id for row in owners}
            facts.captures = {_key(row): row for row in captures}
            facts.returns = {_key(row): row for row in returns}
            facts.attempts = {row.attempt_id: row for row in (*by_ref, *by_id)}
        return facts


@dataclass(frozen=True, slots=True)
class Reading:
    """A window with what its entries say; None of an entry that is known by its key."""

    listed: Listed
    said: tuple[Verified | Unreadable | None, ...]

    @property
    def account(self) -> tuple[str, str]:
        """The account that it was read from."""
        return self.listed.looker.provider, self.listed.looker.account

    @property
    def keys(self) -> list[str]:
        """The keys that its entries are stored under."""
        return [
            entry.key if said is None else said.key for entry, said in zip(self.listed.entries, self.said, strict=True)
        ]

    @property
    def observations(self) -> list[Observation]:
        """What is observed in the entries that were read."""
        return [one for said in self.said if isinstance(said, Verified) for one in said.observations]


def _looked(reading: Reading, facts: Facts) -> Looked:
    listed = reading.listed
    fresh = [
        (entry, said)
        for entry, said, key in zip(listed.entries, reading.said, reading.keys, strict=True)
        if (reading.account, key) not in facts.known_events
    ]
    if listed.listing.is_log:
        return Looked(listed, tuple(entry for entry, _ in fresh))
    ours = [(entry, said) for entry, said in fresh if not _is_of_others(said, facts)]
    news = tuple(entry for entry, said in ours if _is_news(said, facts))
    orphans = orphans_of(listed.looker, reading.observations, facts)
    return Looked(listed, news, tuple(orphans), len(fresh) - len(ours))


def _key(row: Any) -> RefKey:
    return RefKey(row.provider, row.account, row.kind, row.ref)


def _is_of_others(said: Verified | Unreadable | None, facts: Facts) -> bool:
    """Whether nothing in the entry is ours: no mark of ours, and no reference that we know."""
    if not isinstance(said, Verified):
        return False
    return all(one.seen.attempt_id is None and facts.owner_of(one) is None for one in said.observations)


def _is_news(said: Verified | Unreadable | None, facts: Facts) -> bool:
    """Whether the entry says more than our rows do. What cannot be read is news, and becomes a person's business."""
    if not isinstance(said, Verified):
        return True
    return any(_says_more(one, facts) for one in said.observations)


def _says_more(observation: Observation, facts: Facts) -> bool:
    seen, attempt = observation.seen, facts.owner_of(observation)
    if attempt is None:
        # An attempt of ours that is not recorded: a finding.
        return seen.attempt_id is not None
    key = key_of(observation, seen.ref)
    if isinstance(seen, RefundSeen | DisputeSeen):
        known = facts.returns.get(key)
        if known is None:
            return True
        rank = RANK[known.nature]
        becomes_ours = isinstance(seen, RefundSeen) and seen.refund_id is not None and known.refund_id is None
        is_higher = (rank[seen.status], seen.amount_minor) > (rank[known.status], known.amount_minor)
        return becomes_ours or (is_higher and rank[seen.status] >= rank[known.status])
    if key not in facts.owners:
        return True
    if seen.captured_minor > 0 and seen.capture is not None:
        capture = facts.captures.get(key_of(observation, seen.capture))
        return capture is None or bool(capture.captured_minor < seen.captured_minor)
    return _moves(attempt, seen)


def _moves(attempt: Any, seen: PaymentSeen) -> bool:
    """Whether what is seen of its own object moves the attempt."""
    is_its_own = (attempt.handle_kind, attempt.handle_ref) == (seen.ref.kind, seen.ref.id)
    return is_its_own and seen.status not in SAYS_NOTHING_NEW.get(attempt.state, frozenset())
