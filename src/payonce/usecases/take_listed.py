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
from payonce.providers.contract import Listing, Verified
from payonce.providers.gateway import ProviderLooker
from payonce.providers.listing import Entry
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.close_orphans import close_orphans
from payonce.usecases.receive import take_in
from payonce.usecases.tell import Told, keys_of
from payonce.usecases.walk_lists import Taken
from payonce.usecases.world import World

BOOKS: Final = queries.load("books")
CURSORS: Final = queries.load("cursors")
EVENTS: Final = queries.load("events")
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


@dataclass(slots=True)
class Facts:
    """What our rows say of what a page of a list names."""

    known_events: set[str] = field(default_factory=set)
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


class Taker:
    """Takes pages for one merchant. `actor` stands in the audit."""

    def __init__(self, world: World, merchant_id: str, actor: str) -> None:
        self._world = world
        self._merchant_id = merchant_id
        self._actor = actor
        self.applied = 0
        self.closed = 0

    async def __call__(self, looker: ProviderLooker, listing: Listing, entries: Sequence[Entry]) -> Taken:
        """Join what is news among the entries."""
        new = others = 0
        for at in range(0, len(entries), TOGETHER):
            tolds = [self._told(looker, entry) for entry in entries[at : at + TOGETHER]]
            facts = await self._facts(tolds)
            fresh = [told for told in tolds if told.key not in facts.known_events]
            if not listing.is_log:
                others += sum(_is_of_others(told, facts) for told in fresh)
                fresh = [told for told in fresh if not _is_of_others(told, facts) and _is_news(told, facts)]
            if fresh:
                received = await take_in(self._world, self._merchant_id, fresh, self._actor)
                self.applied += sum(one.outcome == "applied" for one in received)
                others += sum(one.reason == "not_ours" for one in received)
                new += len(fresh)
            if not listing.is_log:
                self.closed += await close_orphans(self._world, self._merchant_id, looker, tolds, facts, self._actor)
        return Taken(new, others)

    def _told(self, looker: ProviderLooker, entry: Entry) -> Told:
        said = looker.again(entry.body, "backfill")
        digest = hashlib.sha256(entry.body).digest()
        return Told(self._world.ids.new(), looker.provider, looker.account, "backfill", said, entry.body, digest)

    async def _facts(self, tolds: Sequence[Told]) -> Facts:
        """Read what is known of all that the entries name. Locks nothing: joining decides again under lock."""
        observations = [seen for told in tolds if isinstance(told.said, Verified) for seen in told.said.observations]
        keys = list(
            dict.fromkeys(key for seen in observations for key in (*keys_of(seen), key_of(seen, seen.seen.ref)))
        )
        named = [seen.seen.attempt_id for seen in observations if seen.seen.attempt_id is not None]
        merchant = {"merchant_id": self._merchant_id}
        refs = merchant | {
            "providers": [key.provider for key in keys], "accounts": [key.account for key in keys],
            "kinds": [key.kind for key in keys], "refs": [key.id for key in keys],
        }  # fmt: skip
        events = merchant | {
            "providers": [told.provider for told in tolds], "accounts": [told.account for told in tolds],
            "keys": [told.key for told in tolds], "event_ids": [told.event_id for told in tolds],
            "hashes": [told.body_hash for told in tolds],
        }  # fmt: skip

        async def load(tx: Tx) -> Facts:
            known, owners, captures, returns = await tx.all(
                (EVENTS.known_events, events), (BOOKS.resolve_refs, refs), (CURSORS.captures_named, refs),
                (CURSORS.returns_named, refs),
            )  # fmt: skip
            facts = Facts({row.event_key for row in known}, {_key(row): row.attempt_id for row in owners})
            facts.captures = {_key(row): row for row in captures}
            facts.returns = {_key(row): row for row in returns}
            ids = list({*named, *facts.owners.values()})
            rows = await tx.rows(CURSORS.attempts_named, **merchant, attempt_ids=ids) if ids else []
            facts.attempts = {row.attempt_id: row for row in rows}
            return facts

        return await self._world.database.transaction(load, name="what_is_known", read_only=True)


def _key(row: Any) -> RefKey:
    return RefKey(row.provider, row.account, row.kind, row.ref)


def _is_of_others(told: Told, facts: Facts) -> bool:
    """Whether nothing in the entry is ours: no mark of ours, and no reference that we know."""
    if not isinstance(told.said, Verified):
        return False
    seen = told.said.observations
    return all(one.seen.attempt_id is None and facts.owner_of(one) is None for one in seen)


def _is_news(told: Told, facts: Facts) -> bool:
    """Whether the entry says more than our rows do. What cannot be read is news, and becomes a person's business."""
    if not isinstance(told.said, Verified):
        return True
    return any(_says_more(one, facts) for one in told.said.observations)


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
