"""What a provider answered about attempts, joined into their books: many answers in one transaction, or one.

An answer counts only while the lease is still the caller's. One that decides nothing leaves what we know as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

from payonce.domain import purpose
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book
from payonce.domain.observation import Observation, PaymentSeen, Ref
from payonce.domain.order import Order
from payonce.domain.returning import join_return
from payonce.domain.settling import happened_at, join_payment
from payonce.providers.contract import Done, Handle, Outcome
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.in_books import Work, in_books
from payonce.usecases.world import World

EVENTS: Final = queries.load("events")
# What becomes of an attempt in doubt that an answer did not show.
Absent = Literal["closed", "abandoned"] | None
# An attempt that is to be closed and is not after this long is a person's business.
STUCK_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Said:
    """What a provider said about an attempt whose lease is ours, by the call `name`; `outcome` None: it was not asked
    after all, and the lease goes back.

    `absent`: what an attempt in doubt is that the answer did not show payable: never made (`closed`), or out of
    everybody's reach (`abandoned`). `is_leaving`: its payer said that nothing was sent; a read that shows the same ends
    it as abandoned.
    """

    attempt: Attempt
    outcome: Outcome | None
    name: str
    absent: Absent = None
    is_leaving: bool = False


@dataclass(frozen=True, slots=True)
class Attended:
    """How the attempt stands after a call, and whether the provider gave an answer that decides something."""

    attempt: Attempt
    answered: bool
    recorded: bool


@dataclass(slots=True)
class Evidence:
    """Answers that changed something, to be kept as events of the inbox like any other."""

    rows: list[tuple[UUID, Attempt, str, bytes]] = field(default_factory=list)

    def keep(self, book: Book, attempt: Attempt, body: bytes, name: str) -> None:
        """Keep the bytes of one."""
        self.rows.append((book.new_id(), attempt, name, body))

    def write(self, tx: Tx, merchant_id: str) -> None:
        """Write all of them, with the COMMIT."""
        if not self.rows:
            return
        hashes = [hashlib.sha256(body).digest() for _, _, _, body in self.rows]
        attempts, count = [attempt for _, attempt, _, _ in self.rows], len(self.rows)
        common = {
            "merchant_id": merchant_id, "event_ids": [event_id for event_id, _, _, _ in self.rows],
            "providers": [a.provider for a in attempts], "accounts": [a.account for a in attempts],
            "keys": [
                f"poll:{a.id.hex}:{a.version}:{digest.hex()[:16]}" for a, digest in zip(attempts, hashes, strict=True)
            ],
        }  # fmt: skip
        tx.later(EVENTS.insert_event_keys, **common, hashes=hashes)
        tx.later(
            EVENTS.insert_events, **common, now=tx.now, sources=["poll"] * count,
            types=[name for _, _, name, _ in self.rows], states=["applied"] * count,
            reasons=[a.state for a in attempts], order_ids=[a.order_id for a in attempts],
            attempt_ids=[a.id for a in attempts], tries=[1] * count, next_tries=[None] * count,
            occurred=[None] * count, request_ids=[""] * count, trace_ids=[""] * count,
            bodies=[body for _, _, _, body in self.rows],
        )  # fmt: skip


async def record(world: World, merchant_id: str, said: Said) -> Attended:
    """Join one answer, while the lease is still ours, and give the lease back."""
    [attended] = await record_all(world, merchant_id, [said], name=said.name)
    return attended


async def record_all(world: World, merchant_id: str, saids: Sequence[Said], *, name: str) -> list[Attended]:
    """Join answers in one transaction, each while its lease is still ours, and give the leases back; how each attempt
    stands then, in the same order. What any of them meets undoes all.
    """
    evidence = Evidence()

    def begin() -> None:
        evidence.rows.clear()

    def end(tx: Tx) -> None:
        evidence.write(tx, merchant_id)

    works = [_work_of(said, evidence) for said in saids]
    return await in_books(world, merchant_id, works, name=name, begin=begin, end=end)


def _work_of(said: Said, evidence: Evidence) -> Work[Attended]:
    def decide(book: Book, order: Order) -> Attended:
        return _join(book, order, said, evidence)

    return Work(said.attempt.order_id, f"{said.name}:{said.attempt.id.hex}", decide)


def _join(book: Book, order: Order, said: Said, evidence: Evidence) -> Attended:
    found, outcome = book.attempts[said.attempt.id], said.outcome
    if found.fence != said.attempt.fence:
        return Attended(found, answered=False, recorded=False)
    found.lease_until = None
    book.touch_attempt(found)
    if outcome is None:
        return Attended(found, answered=False, recorded=False)
    found.asked_at = book.now
    before = (len(book.steps), len(book.entries))
    if isinstance(outcome, Done):
        mine = [seen for seen in outcome.observations if concerns(seen, found)]
        take_handle(book, found, outcome.handle if mine else None)
        join_observations(book, found, mine)
        found.seen_at = book.now if mine and found.state != "paid" else found.seen_at
        if outcome.body and before != (len(book.steps), len(book.entries)):
            evidence.keep(book, found, outcome.body, said.name)
    if said.absent is not None and not _is_known(book, found) and found.state in ("creating", "in_doubt"):
        book.move_attempt(found, said.absent)
        found.fence += 1
    if said.is_leaving and isinstance(outcome, Done):
        _leave(book, found, outcome)
    _note_stuck(book, found, order)
    purpose.reconsider(book)
    return Attended(found, answered=isinstance(outcome, Done), recorded=True)


def _is_known(book: Book, attempt: Attempt) -> bool:
    """Whether anything of the provider's is known to be the attempt's, beside the name that we gave it ourselves."""
    own = handle_of(attempt)
    named = {(key.kind, key.id) for key, owner in book.refs.items() if owner == attempt.id}
    return bool(named - {(own.kind, own.id)} if own is not None else named)


def _leave(book: Book, attempt: Attempt, outcome: Done) -> None:
    """Abandon what its payer expressly left, where a fresh read shows that nothing came. It stays watched."""
    payments = [one.seen for one in outcome.observations if isinstance(one.seen, PaymentSeen)]
    is_untouched = all(seen.captured_minor <= 0 and seen.status in ("open", "failed", "closed") for seen in payments)
    if attempt.state == "open" and payments and is_untouched:
        attempt.consent_at = book.now
        attempt.fence += 1
        book.move_attempt(attempt, "abandoned")


def _note_stuck(book: Book, attempt: Attempt, order: Order) -> None:
    """Tell a person of an attempt that must not be paid any more and could not be closed for an hour."""
    since = attempt.closing_since or attempt.opened_at or attempt.created_at
    if attempt.state == "closing" and book.now - since > STUCK_AFTER:
        why = attempt.close_because or ""
        book.find("stuck_close", attempt.id.hex, order, attempt.amount_minor, why=why, provider=attempt.provider)
    elif attempt.close_because is not None:
        book.resolve("stuck_close", attempt.id.hex)


def take_handle(book: Book, attempt: Attempt, handle: Handle | None) -> None:
    """Record how the attempt is paid, once. It counts as disclosed from this transaction on, before anybody gets it.

    The handle of an attempt that is abandoned, or that shall not be paid any more, is kept for closing and never
    given out.
    """
    if handle is None or attempt.opened_at is not None or attempt.handle_ref not in (None, handle.ref.id):
        return
    attempt.handle_kind, attempt.handle_ref = handle.ref.kind, handle.ref.id
    if attempt.state in ("creating", "in_doubt"):
        attempt.url, attempt.client_secret = handle.url, handle.client_secret
        attempt.instructions = handle.instructions or None
        attempt.expires_at = handle.expires_at or attempt.expires_at
        attempt.opened_at = book.now
        book.move_attempt(attempt, "created")
        if attempt.close_because is None:
            attempt.disclosed_at = book.now
        else:
            purpose.want_close(book, attempt, attempt.close_because)
    book.touch_attempt(attempt)


def join_observations(book: Book, attempt: Attempt, observations: list[Observation]) -> None:
    """Join everything that an answer says of the attempt; what went back first, so that it settles nothing."""
    for observation in sorted(observations, key=lambda one: isinstance(one.seen, PaymentSeen)):
        seen = observation.seen
        book.happened_at = happened_at(book, attempt, observation)
        if isinstance(seen, PaymentSeen):
            join_payment(book, attempt, observation, seen)
        else:
            join_return(book, attempt, observation, seen)


def handle_of(attempt: Attempt) -> Ref | None:
    """The reference that the attempt is read and closed by."""
    if attempt.handle_kind is None or attempt.handle_ref is None:
        return None
    return Ref(attempt.handle_kind, attempt.handle_ref)


def concerns(observation: Observation, attempt: Attempt) -> bool:
    """Whether an answer is about the attempt: it carries its id, or none where we asked by reference."""
    return observation.seen.attempt_id in (attempt.id, None)


def keep_evidence(tx: Tx, book: Book, attempt: Attempt, body: bytes, name: str) -> None:
    """Keep the bytes of one answer that changed something, with the COMMIT."""
    evidence = Evidence()
    if body:
        evidence.keep(book, attempt, body, name)
    evidence.write(tx, book.merchant_id)
