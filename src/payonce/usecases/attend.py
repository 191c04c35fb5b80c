"""Attending to an attempt at its provider: reading it, looking for it, closing it. Nothing here can create a payment.

A caller takes the attempt's lease first. The call is made outside of transactions; what it brought is joined by
`join_answers.py`, by itself or together with others.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from payonce.base.errors import ensure
from payonce.domain.attempt import Attempt
from payonce.domain.observation import Observation, PaymentSeen, Ref
from payonce.providers.contract import Done, NotDone, Outcome, Unknown
from payonce.providers.gateway import ProviderLooker
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.join_answers import Absent, Attended, Said, handle_of, record
from payonce.usecases.world import World

ORDERS: Final = queries.load("orders")
# An object that we look for was made between the first sending and now; clocks of two machines differ a little.
CLOCK_MARGIN: Final = timedelta(minutes=5)
# How long after a call that is over its object may be missing from a list by creation time, which is consistent.
LIST_MARGIN: Final = timedelta(seconds=30)
# Providers name creation times in whole seconds, so nothing smaller can be asked for.
SMALLEST_WINDOW: Final = timedelta(seconds=2)


async def read_at_provider(
    world: World, merchant_id: str, attempt: Attempt, ref: Ref | None = None, *, is_leaving: bool = False
) -> Attended:
    """Ask how the attempt's object is now, and join the answer. `is_leaving`: its payer said that nothing was sent."""
    said = await ask_how_it_is(world, merchant_id, attempt, ref, is_leaving=is_leaving)
    attended = await record(world, merchant_id, said)
    is_unsaid = is_leaving and not said.is_leaving and attended.attempt.state == "open"
    return replace(attended, answered=False) if is_unsaid else attended


async def close_at_provider(world: World, merchant_id: str, attempt: Attempt) -> Attended:
    """Make the attempt's object unpayable, and join the answer."""
    return await record(world, merchant_id, await ask_to_close(world, merchant_id, attempt))


async def find_at_provider(world: World, merchant_id: str, attempt: Attempt, *, key_is_spent: bool = False) -> Attended:
    """Look for the object of a create whose answer was lost, and join what was found."""
    return await record(world, merchant_id, await ask_for_it(world, attempt, key_is_spent=key_is_spent))


async def ask_how_it_is(
    world: World, merchant_id: str, attempt: Attempt, ref: Ref | None = None, *, is_leaving: bool = False
) -> Said:
    """Ask how the attempt's object is now."""
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
    return Said(attempt, outcome, name="read", is_leaving=may_leave)


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


async def ask_to_close(world: World, merchant_id: str, attempt: Attempt) -> Said:
    """Make the attempt's object unpayable. A refusal is read, because it may be paid or processing; so is silence."""
    till, ref = _looker(world, attempt), handle_of(attempt)
    if ref is None:
        return await ask_for_it(world, attempt)
    outcome = await till.close(ref, attempt.id)
    if not isinstance(outcome, Done):
        outcome = await till.read(ref)
    return Said(attempt, outcome, name="close")


async def ask_for_it(world: World, attempt: Attempt, *, key_is_spent: bool = False) -> Said:
    """Look for the object of a create whose answer was lost, by our own id, and adopt it where there is one.

    Where none is found past the life of the create's key, or soon after it where the key is spent, the attempt is
    abandoned: nobody ever got its handle, and nothing can give it any more. It stays watched.
    """
    till, now = _looker(world, attempt), world.clock.now()
    sent_for = now - (attempt.sent_at or attempt.created_at)
    if attempt.handle_ref is not None:
        return await _find_by_our_name(world, attempt, sent_for, key_is_spent=key_is_spent)
    if not till.capabilities.can_find:
        nothing = NotDone("not_findable", "the provider has no list to look it up in")
        return Said(attempt, nothing, name="find", absent="abandoned")
    since = attempt.created_at - CLOCK_MARGIN
    outcome = await _look_through(till, attempt.flow, since, now + CLOCK_MARGIN)
    if not isinstance(outcome, Done):
        return Said(attempt, outcome, name="find")
    mine = [o for o in outcome.observations if o.seen.attempt_id == attempt.id and isinstance(o.seen, PaymentSeen)]
    if mine:
        # A list can lag behind its objects; the object itself is read before anything is built on it.
        outcome = await till.read(mine[0].seen.ref)
        return Said(attempt, outcome, name="adopt")
    life = timedelta(seconds=till.capabilities.idempotency_life_seconds) + CLOCK_MARGIN
    # Without a key nothing repeats the create, so it is over with its call.
    is_over = key_is_spent or till.capabilities.idempotency == "none"
    absent: Absent = "abandoned" if sent_for > (LIST_MARGIN if is_over else life) else None
    # The list tells of others' payments as well, some without any mark, such as a second deposit to somebody's address:
    # none of them is this attempt's.
    return Said(attempt, Done(()), name="find", absent=absent)


async def _find_by_our_name(world: World, attempt: Attempt, sent_for: timedelta, *, key_is_spent: bool) -> Said:
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
        return Said(attempt, outcome, name="find", absent="abandoned")
    life = timedelta(seconds=till.capabilities.idempotency_life_seconds)
    absent: Absent = None
    if isinstance(outcome, NotDone) and outcome.code == "not_found":
        is_never = life + CLOCK_MARGIN < sent_for and not is_beyond_horizon(till, sent_for)
        absent = "closed" if is_never else "abandoned" if key_is_spent or sent_for > life + CLOCK_MARGIN else None
    return Said(attempt, outcome, name="find", absent=absent)


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


def _looker(world: World, attempt: Attempt) -> ProviderLooker:
    return world.looker(attempt.provider, attempt.account)
