"""Attending to an attempt at its provider: reading it, looking for it, closing it. Nothing here can create a payment.

A caller takes the attempt's lease first. The call is made outside of transactions; its answer is joined only while
the lease
is still the caller's, and a call that decides nothing leaves what we know as it is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from payonce.base.errors import ensure
from payonce.domain import purpose
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book
from payonce.domain.checkout import take_lease
from payonce.domain.observation import Observation, PaymentSeen, Ref
from payonce.domain.order import Order
from payonce.domain.returning import join_return
from payonce.domain.settling import happened_at, join_payment
from payonce.providers.contract import Done, Handle, NotDone, Outcome, Unknown
from payonce.providers.gateway import ProviderLooker
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.in_book import in_book
from payonce.usecases.world import World

EVENTS: Final = queries.load("events")
ORDERS: Final = queries.load("orders")
# What becomes of an attempt in doubt that an answer did not show.
Absent = Literal["closed", "abandoned"] | None
# An attempt that is to be closed and is not after this long is a person's business.
STUCK_AFTER: Final = timedelta(hours=1)
# An object that we look for was made between the first sending and now; clocks of two machines differ a little.
CLOCK_MARGIN: Final = timedelta(minutes=5)
# How long after a call that is over its object may be missing from a list by creation time, which is consistent.
LIST_MARGIN: Final = timedelta(seconds=30)
# Providers name creation times in whole seconds, so nothing smaller can be asked for.
SMALLEST_WINDOW: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Attended:
    """How the attempt stands after a call, and whether the provider gave an answer that decides something."""

    attempt: Attempt
    answered: bool
    recorded: bool


async def lease(world: World, merchant_id: str, attempt: Attempt, name: str) -> Attempt | None:
    """Take the attempt's lease; None when somebody else holds it or it is not worth asking about any more."""

    async def decide(tx: Tx, book: Book, order: Order) -> Attempt | None:
        found = book.attempts[attempt.id]
        if found.is_leased(book.now) or not (found.is_live or found.state == "abandoned"):
            return None
        take_lease(book, found, world.policy_of(merchant_id))
        return found

    return await in_book(world, merchant_id, attempt.order_id, decide, name=name, cause="lease")


async def read_at_provider(
    world: World, merchant_id: str, attempt: Attempt, ref: Ref | None = None, *, is_leaving: bool = False
) -> Attended:
    """Ask how the attempt's object is now, and join the answer. `is_leaving`: its payer said that nothing was sent."""
    till = _looker(world, attempt)
    ref = ref or handle_of(attempt)
    outcome = await till.read(ref) if ref else NotDone("no_reference", "the attempt has no reference yet")
    handle = handle_of(attempt)
    if isinstance(outcome, NotDone) and outcome.code == "not_readable" and handle not in (None, ref):
        # Not every object can be asked for by itself: then by the one that the payer was given.
        outcome = await till.read(handle)
    # Only the object that its payer was given says that nothing came by it; one of its payments says so of itself.
    may_leave = is_leaving and isinstance(outcome, Done)
    if till.capabilities.also_read:
        outcome = await _with_others(world, merchant_id, attempt, till, ref, outcome)
    attended = await record(world, merchant_id, attempt, outcome, name="read", is_leaving=may_leave)
    is_unsaid = is_leaving and not may_leave and attended.attempt.state == "open"
    return replace(attended, answered=False) if is_unsaid else attended


async def _with_others(
    world: World, merchant_id: str, attempt: Attempt, till: ProviderLooker, handle: Ref | None, outcome: Outcome
) -> Outcome:
    """The outcome together with reads of the other objects that the attempt is paid by. One without an answer leaves
    the whole unknown; what the provider cannot be asked about, or does not know, says nothing.
    """

    async def load(tx: Tx) -> list[Ref]:
        kinds = list(till.capabilities.also_read)
        rows = await tx.rows(ORDERS.refs_of_attempt, merchant_id=merchant_id, attempt_id=attempt.id, kinds=kinds)
        return [Ref(row.kind, row.ref) for row in rows]

    outcomes = [outcome]
    for ref in await world.database.transaction(load, name="refs_of_attempt", read_only=True):
        if ref != handle:
            outcomes.append(await till.read(ref))
    unknown = next((one for one in outcomes if isinstance(one, Unknown)), None)
    done = [one for one in outcomes if isinstance(one, Done)]
    if unknown is not None or not done:
        return unknown or outcome
    found = tuple(observation for one in done for observation in one.observations)
    return Done(found, done[0].handle, done[0].body)


async def close_at_provider(world: World, merchant_id: str, attempt: Attempt) -> Attended:
    """Make the attempt's object unpayable. A refusal is read, because it may be paid or processing; so is silence."""
    till, ref = _looker(world, attempt), handle_of(attempt)
    if ref is None:
        return await find_at_provider(world, merchant_id, attempt)
    outcome = await till.close(ref, attempt.id)
    if not isinstance(outcome, Done):
        outcome = await till.read(ref)
    return await record(world, merchant_id, attempt, outcome, name="close")


async def find_at_provider(world: World, merchant_id: str, attempt: Attempt, *, key_is_spent: bool = False) -> Attended:
    """Look for the object of a create whose answer was lost, by our own id, and adopt it where there is one.

    Where none is found past the life of the create's key, or soon after it where the key is spent, the attempt is
    abandoned: nobody ever got its handle, and nothing can give it any more. It stays watched.
    """
    till, now = _looker(world, attempt), world.clock.now()
    sent_for = now - (attempt.sent_at or attempt.created_at)
    if attempt.handle_ref is not None:
        return await _find_by_our_name(world, merchant_id, attempt, sent_for, key_is_spent=key_is_spent)
    if not till.capabilities.can_find:
        nothing = NotDone("not_findable", "the provider has no list to look it up in")
        return await record(world, merchant_id, attempt, nothing, name="find", absent="abandoned")
    since = attempt.created_at - CLOCK_MARGIN
    outcome = await _look_through(till, attempt.flow, since, now + CLOCK_MARGIN)
    if not isinstance(outcome, Done):
        return await record(world, merchant_id, attempt, outcome, name="find")
    mine = [o for o in outcome.observations if o.seen.attempt_id == attempt.id and isinstance(o.seen, PaymentSeen)]
    if mine:
        # A list can lag behind its objects; the object itself is read before anything is built on it.
        outcome = await till.read(mine[0].seen.ref)
        return await record(world, merchant_id, attempt, outcome, name="adopt")
    life = timedelta(seconds=till.capabilities.idempotency_life_seconds) + CLOCK_MARGIN
    # Without a key nothing repeats the create, so it is over with its call.
    is_over = key_is_spent or till.capabilities.idempotency == "none"
    absent: Absent = "abandoned" if sent_for > (LIST_MARGIN if is_over else life) else None
    return await record(world, merchant_id, attempt, outcome, name="find", absent=absent)


async def _find_by_our_name(
    world: World, merchant_id: str, attempt: Attempt, sent_for: timedelta, *, key_is_spent: bool
) -> Attended:
    """Ask for the object by the name that we gave it. One that is there is closed, because what its payer would need
    was in the lost answer; where that cannot be done it is abandoned, which nobody was ever led to.

    One that is not there after the create's life can never be made: the provider takes no older create. Where repeating
    brings nothing any more, it is abandoned before.
    """
    till, ref = _looker(world, attempt), handle_of(attempt)
    ensure(ref is not None, "an attempt without a name of ours was looked for by it")
    outcome = await till.read(ref)  # type: ignore[arg-type]
    if isinstance(outcome, Done) and any(_is_payable(one) for one in outcome.observations):
        closed = await till.close(ref, attempt.id)  # type: ignore[arg-type]
        again = closed if isinstance(closed, Done) and closed.observations else await till.read(ref)  # type: ignore[arg-type]
        outcome = again if isinstance(again, Done) else outcome
        return await record(world, merchant_id, attempt, outcome, name="find", absent="abandoned")
    life = timedelta(seconds=till.capabilities.idempotency_life_seconds)
    absent: Absent = None
    if isinstance(outcome, NotDone) and outcome.code == "not_found":
        is_never = life + CLOCK_MARGIN < sent_for and not is_beyond_horizon(till, sent_for)
        absent = "closed" if is_never else "abandoned" if key_is_spent or sent_for > life + CLOCK_MARGIN else None
    return await record(world, merchant_id, attempt, outcome, name="find", absent=absent)


def is_beyond_horizon(till: ProviderLooker, age: timedelta) -> bool:
    """Whether the provider answers no more for an object that old: then "not found" says nothing of it."""
    horizon = till.capabilities.read_horizon_seconds
    return horizon is not None and age.total_seconds() > horizon


def _is_payable(observation: Observation) -> bool:
    seen = observation.seen
    return isinstance(seen, PaymentSeen) and seen.status in ("open", "action", "asks_again")


async def _look_through(till: ProviderLooker, flow: str, since: datetime, until: datetime) -> Outcome:
    """What of ours was made in the window, in halves where it holds more than is read at once: a busy account must not
    leave an attempt in doubt for ever.
    """
    outcome = await till.find(flow, since, until)
    if not (isinstance(outcome, Unknown) and outcome.is_too_much) or until - since < SMALLEST_WINDOW:
        return outcome
    found: list[Observation] = []
    middle = since + (until - since) / 2
    for begin, end in ((since, middle), (middle, until)):
        half = await _look_through(till, flow, begin, end)
        if not isinstance(half, Done):
            return half
        found.extend(half.observations)
    return Done(tuple(found))


async def record(
    world: World, merchant_id: str, attempt: Attempt, outcome: Outcome, *, name: str, absent: Absent = None,
    is_leaving: bool = False,
) -> Attended:  # fmt: skip
    """Join what the provider answered, while the lease is still ours, and give the lease back.

    `absent`: what an attempt in doubt is that the answer did not show payable: never made (`closed`), or out of
    everybody's reach (`abandoned`). `is_leaving`: its payer said that nothing was sent; a read that shows the same ends
    it as abandoned.
    """

    async def decide(tx: Tx, book: Book, order: Order) -> Attended:
        found = book.attempts[attempt.id]
        if found.fence != attempt.fence:
            return Attended(found, answered=False, recorded=False)
        found.lease_until, found.asked_at = None, book.now
        book.touch_attempt(found)
        if isinstance(outcome, Done):
            mine = [seen for seen in outcome.observations if concerns(seen, found)]
            take_handle(book, found, outcome.handle if mine else None)
            join_observations(book, found, mine)
            found.seen_at = book.now if mine and found.state != "paid" else found.seen_at
            keep_evidence(tx, book, found, outcome.body, name)
        if absent is not None and not _is_known(book, found) and found.state in ("creating", "in_doubt"):
            book.move_attempt(found, absent)
            found.fence += 1
        if is_leaving and isinstance(outcome, Done):
            _leave(book, found, outcome)
        _note_stuck(book, found, order)
        purpose.reconsider(book)
        return Attended(found, answered=isinstance(outcome, Done), recorded=True)

    return await in_book(world, merchant_id, attempt.order_id, decide, name=name, cause=f"{name}:{attempt.id.hex}")


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
    if attempt.state == "closing" and book.now - (attempt.opened_at or attempt.created_at) > STUCK_AFTER:
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


def _looker(world: World, attempt: Attempt) -> ProviderLooker:
    return world.looker(attempt.provider, attempt.account)


def keep_evidence(tx: Tx, book: Book, attempt: Attempt, body: bytes, name: str) -> None:
    """Keep the bytes of an answer that changed something, as an event of the inbox like any other."""
    if (not book.steps and not book.entries) or not body:
        return
    digest, event_id = hashlib.sha256(body).digest(), book.new_id()
    key = f"poll:{attempt.id.hex}:{attempt.version}:{digest.hex()[:16]}"
    common = {"merchant_id": book.merchant_id, "event_ids": [event_id], "keys": [key]}
    account = {"providers": [attempt.provider], "accounts": [attempt.account]}
    tx.later(EVENTS.insert_event_keys, **common, **account, hashes=[digest])
    tx.later(
        EVENTS.insert_events, **common, **account, now=tx.now, sources=["poll"], types=[name], states=["applied"],
        reasons=[attempt.state], order_ids=[attempt.order_id], attempt_ids=[attempt.id], tries=[1], next_tries=[None],
        occurred=[None], request_ids=[""], trace_ids=[""], bodies=[body],
    )  # fmt: skip
