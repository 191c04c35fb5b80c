"""Telling: joining what providers said into the books of the purposes concerned, inside a transaction that is open.

Webhooks, retries of stored events and answers to our own questions all end here. It decides nothing about money itself;
it finds the attempt that something is about, and refuses what belongs to another account or mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from payonce.domain.attempt import Attempt
from payonce.domain.book import Book, RefKey
from payonce.domain.finding import Finding
from payonce.domain.observation import DisputeSeen, Observation, PaymentSeen, RefundSeen, Seen
from payonce.domain.returning import join_return
from payonce.domain.settling import happened_at, join_payment, key_of
from payonce.providers.contract import Unreadable, Verified
from payonce.store import books
from payonce.store.database import Call, Row, Tx
from payonce.store.findings import write_findings
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

# Why an event waits whose provider must be asked before anything is believed.
UNREAD: Final = "to_be_read"


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a provider said: its verified reading, the bytes, and which account of ours it came to."""

    event_id: UUID
    provider: str
    account: str
    source: Literal["webhook", "poll", "backfill"]
    said: Verified | Unreadable
    body: bytes
    body_hash: bytes
    request_id: str = ""
    trace_id: str = ""

    @property
    def key(self) -> str:
        return self.said.key

    @property
    def type(self) -> str:
        return self.said.type if isinstance(self.said, Verified) else "unreadable"

    @property
    def occurred_at(self) -> datetime | None:
        return self.said.created_at if isinstance(self.said, Verified) else None


@dataclass(frozen=True, slots=True)
class Became:
    """What became of it: the state of its event, why, and whom it concerned."""

    state: Literal["applied", "ignored", "failed"]
    reason: str
    order_id: UUID | None = None
    attempt_id: UUID | None = None


def calls_to_resolve(merchant_id: str, tolds: Sequence[Told]) -> list[Call]:
    """What must be asked before these can be joined; nothing where nothing was observed."""
    observations = [seen for told in tolds if isinstance(told.said, Verified) for seen in told.said.observations]
    if not observations:
        return []
    keys = list(dict.fromkeys(key for seen in observations for key in keys_of(seen)))
    named = [seen.seen.attempt_id for seen in observations if seen.seen.attempt_id is not None]
    return books.calls_to_resolve(merchant_id, keys, named)


async def join_all(
    tx: Tx, world: World, merchant_id: str, tolds: Sequence[Told], tape: IdTape, actor: str,
    *, answers: Sequence[Sequence[Row]] | None = None,
) -> list[Became]:  # fmt: skip
    """Join everything in order and record it with the COMMIT; what became of each, in the same order.

    `answers`: what `calls_to_resolve` were answered, by callers that asked them with something else.
    """
    if answers is None:
        calls = calls_to_resolve(merchant_id, tolds)
        answers = await tx.all(*calls) if calls else []
    owners, concerned = books.resolved(*answers) if answers else ({}, {})
    loaded: dict[str, Book] = {}
    if concerned:
        purposes, order_ids = zip(*concerned.values(), strict=True)
        rules = world.rules_of(merchant_id)
        loaded = await books.load(
            tx, merchant_id, purposes, order_ids, tape.next, world.kinds, rules=rules, with_refs=False
        )
    joining = _Joining(world, tape, owners, loaded)
    became = [joining.join(told) for told in tolds]
    taken_up = {concern.order_id for concern in concerned.values()}
    books.record(tx, loaded.values(), actor=actor, order_ids=taken_up)
    write_findings(tx, merchant_id, joining.findings)
    return became


def keys_of(observation: Observation) -> list[RefKey]:
    """Every reference that tells which attempt an observation is about."""
    seen = observation.seen
    if isinstance(seen, PaymentSeen):
        refs = [seen.ref, *seen.related]
        # Most money is counted by the object itself.
        if seen.capture is not None and seen.capture is not seen.ref:
            refs.append(seen.capture)
        if seen.parent is not None:
            refs.append(seen.parent)
    else:
        refs = [seen.capture]
    return [key_of(observation, ref) for ref in refs]


class _Joining:
    """One batch being joined: the books concerned, and which reference serves which attempt as it becomes known."""

    def __init__(self, world: World, tape: IdTape, owners: dict[RefKey, UUID], loaded: Mapping[str, Book]) -> None:
        self._world = world
        self._tape = tape
        self._owners = owners
        self._attempts = {attempt.id: (attempt, book) for book in loaded.values() for attempt in book.attempts.values()}
        self.findings: list[Finding] = []
        for book in loaded.values():
            # One map for all books of the batch: what one event says of a reference holds for the next event.
            book.refs = owners

    def join(self, told: Told) -> Became:
        """Join all that one event says."""
        said = told.said
        if isinstance(said, Unreadable):
            return Became("failed", "unreadable")
        if not said.handled:
            return Became("ignored", "unhandled_type")
        # An object that contradicts its envelope is of neither mode.
        modes = {said.live_mode, *(seen.live_mode for seen in said.observations)}
        if modes != {self._world.looker(told.provider, told.account).mode == "live"}:
            self._find("mode_differs", f"{told.provider}:{told.account}", event=told.key)
            return Became("ignored", "mode_differs")
        if said.account is not None:
            return Became("ignored", "other_account")
        if told.source == "webhook" and self._world.looker(told.provider, told.account).capabilities.confirm_by_read:
            # A notice proves nothing there: the object is read outside of this transaction, and only that is joined.
            return Became("failed", UNREAD)
        results = [self._join_one(told, seen) for seen in said.observations]
        if not results:
            return Became("ignored", "nothing_said")
        # Of several observations, what changed something speaks for the event; then what must be tried again.
        return min(results, key=lambda became: ("applied", "failed", "ignored").index(became.state))

    def _join_one(self, told: Told, observation: Observation) -> Became:
        seen = observation.seen
        found = self._attempt_of(observation)
        if found is None:
            # By the object that its money is counted by, so that what two of its objects say is one difference.
            counted = (seen.capture if isinstance(seen, PaymentSeen) else None) or seen.ref
            about = f"{told.provider}:{told.account}:{counted.id}"
            if seen.attempt_id is not None and seen.attempt_id not in self._attempts:
                self._find("unknown_attempt", about, seen, attempt=seen.attempt_id.hex, event=told.key)
                return Became("ignored", "unknown_attempt")
            if seen.attempt_id is not None:
                self._find("account_differs", about, seen, attempt=seen.attempt_id.hex, event=told.key)
                return Became("ignored", "account_differs")
            if isinstance(seen, RefundSeen | DisputeSeen):
                # The payment that it belongs to may be told later; until then nothing can be posted.
                return Became("failed", "payment_unknown")
            return Became("ignored", "not_ours")
        attempt, book = found
        book.cause = f"{told.source}:{told.key}"
        book.happened_at = happened_at(book, attempt, observation, told.occurred_at)
        if isinstance(seen, PaymentSeen):
            joined = join_payment(book, attempt, observation, seen)
        else:
            joined = join_return(book, attempt, observation, seen)
        return Became(joined.outcome, joined.reason, attempt.order_id, attempt.id)

    def _attempt_of(self, observation: Observation) -> tuple[Attempt, Book] | None:
        """The attempt that an observation is about: by a reference that we stored, else by the id it carries.

        An attempt counts only within the account that it was made with: another merchant's genuine event names
        nothing here.
        """
        owners = map(self._owners.get, keys_of(observation))
        for attempt_id in (*owners, observation.seen.attempt_id):
            found = self._attempts.get(attempt_id) if attempt_id is not None else None
            if found is not None and (found[0].provider, found[0].account) == (
                observation.provider,
                observation.account,
            ):
                return found
        return None

    def _find(self, kind: str, about: str, seen: Seen | None = None, **detail: str) -> None:
        money = seen.captured_minor if isinstance(seen, PaymentSeen) else 0
        currency = seen.currency if seen is not None else None
        self.findings.append(Finding(self._tape.next(), kind, about, None, money, currency, detail))
