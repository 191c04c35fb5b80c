"""Resolve attempts: ask the provider about those in doubt, unwanted, old, or with money to confirm. It only looks
and closes.

A create whose answer was lost is adopted when it is found, and closed when it is not wanted any more. It is never
repeated
here: that happens at the payer's next click.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from payonce.base.errors import Bug, Conflict, Refused
from payonce.domain import purpose
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book
from payonce.domain.checkout import take_lease
from payonce.domain.observation import Ref
from payonce.domain.order import Order
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases import attend
from payonce.usecases.close_duplicates import close_duplicates
from payonce.usecases.in_book import in_book
from payonce.usecases.note_trouble import note_trouble
from payonce.usecases.world import World

ORDERS: Final = queries.load("orders")
# What is in doubt or unwanted is asked about soon; what is open or processing tells itself, and is asked in case it
# did not.
SOON: Final = timedelta(seconds=30)
LATE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one run did: attempts asked about, of those paid, dead, and without an answer; and those that met an
    error.
    """

    asked: int = 0
    settled: int = 0
    closed: int = 0
    silent: int = 0
    failed: int = 0
    # Orders that were closed as duplicates of paid ones, without asking anybody.
    duplicates: int = 0

    def plus(self, other: Resolved) -> Resolved:
        """Both together."""
        return Resolved(
            self.asked + other.asked, self.settled + other.settled, self.closed + other.closed,
            self.silent + other.silent, self.failed + other.failed, self.duplicates + other.duplicates,
        )  # fmt: skip


async def resolve_attempts(world: World, merchant_id: str, limit: int = 100) -> Resolved:
    """Ask about up to `limit` attempts, the longest unasked first."""
    return await ask_about(world, merchant_id, await attempts_due(world, merchant_id, limit))


async def ask_about(
    world: World, merchant_id: str, due: Sequence[tuple[UUID, UUID, Ref | None]], *, even_ended: bool = False
) -> Resolved:
    """Ask about these attempts, as (order, attempt, reference), one by one. `even_ended`: also about those that ended
    at a provider where ended ones usually bring nothing any more.
    """
    duplicates = await close_duplicates(world, merchant_id, [order_id for order_id, _, _ in due])
    asked = settled = closed = silent = failed = 0
    for order_id, attempt_id, ref in due:
        if world.is_stopped:
            break
        if order_id in duplicates:
            continue
        try:
            before = await _take(world, merchant_id, order_id, attempt_id, even_ended=even_ended or ref is not None)
            if before is None:
                continue
            attended = await _attend(world, merchant_id, before, ref)
        except (Bug, Refused, Conflict) as error:
            # One attempt that cannot be recorded holds nothing up that stands behind it.
            await note_trouble(world, merchant_id, order_id, "resolve_attempts", error)
            failed += 1
            continue
        asked += 1
        settled += attended.attempt.state == "paid" and before.state != "paid"
        closed += attended.attempt.state in ("closed", "failed")
        silent += not attended.answered
    return Resolved(asked, settled, closed, silent, failed, len(duplicates))


async def attempts_due(world: World, merchant_id: str, limit: int) -> list[tuple[UUID, UUID, Ref | None]]:
    """Attempts to ask about, with their orders, and the captures that only a read confirms."""
    now = world.clock.now()

    async def load(tx: Tx) -> list[tuple[UUID, UUID, Ref | None]]:
        attempts, captures = await tx.all(
            (
                ORDERS.attempts_to_ask,
                {"merchant_id": merchant_id, "now": now, "soon": now - SOON, "late": now - LATE, "limit": limit},
            ),
            (ORDERS.captures_to_confirm, {"merchant_id": merchant_id, "limit": limit}),
        )
        # Neither may crowd the other out: what cannot be confirmed for long stands here at every look.
        most = max(limit - len(attempts), limit // 2)
        confirm = [(row.order_id, row.attempt_id, Ref(row.kind, row.ref)) for row in captures[:most]]
        return [*confirm, *((row.order_id, row.attempt_id, None) for row in attempts)][:limit]

    return await world.database.transaction(load, name="attempts_due", read_only=True)


async def _take(
    world: World, merchant_id: str, order_id: UUID, attempt_id: UUID, *, even_ended: bool
) -> Attempt | None:
    """Take the attempt's lease; a dead or paid one is only read again, for money that came late."""

    async def decide(tx: Tx, book: Book, order: Order) -> Attempt | None:
        purpose.reconsider(book)
        found = book.attempts.get(attempt_id)
        if found is None or found.is_leased(book.now):
            return None
        ended = not (found.is_live or found.state == "abandoned")
        if ended and not even_ended and not _pays_after_end(world, found):
            return None
        if _is_out_of_reach(world, found, book.now):
            # The provider was asked for as long as it answers; what it never said a person must find out.
            found.asked_at = book.now
            book.touch_attempt(found)
            if found.is_live:
                book.find("out_of_reach", found.id.hex, order, found.amount_minor, provider=found.provider)
            return None
        take_lease(book, found, world.policy_of(merchant_id))
        return found

    return await in_book(world, merchant_id, order_id, decide, name="resolve", cause="resolve")


def _is_out_of_reach(world: World, attempt: Attempt, now: datetime) -> bool:
    """Whether the provider cannot be asked about an attempt that old. What was never handed out is given up by asking
    once more.
    """
    till = world.looker(attempt.provider, attempt.account)
    return attempt.state not in ("creating", "in_doubt") and attend.is_beyond_horizon(till, now - attempt.created_at)


def _pays_after_end(world: World, attempt: Attempt) -> bool:
    return world.looker(attempt.provider, attempt.account).capabilities.pays_after_end


async def _attend(world: World, merchant_id: str, attempt: Attempt, ref: Ref | None) -> attend.Attended:
    if ref is not None:
        return await attend.read_at_provider(world, merchant_id, attempt, ref)
    if attend.handle_of(attempt) is None or attempt.state in ("creating", "in_doubt"):
        return await attend.find_at_provider(world, merchant_id, attempt)
    if not world.looker(attempt.provider, attempt.account).capabilities.can_close:
        return await attend.read_at_provider(world, merchant_id, attempt)
    expired = attempt.expires_at is not None and attempt.expires_at <= world.clock.now()
    is_over = attempt.state == "open" and (expired or attempt.close_because is not None)
    # The object of an abandoned attempt, found after all: nobody was given its handle, and nobody shall be.
    if is_over or attempt.state in ("closing", "abandoned"):
        return await attend.close_at_provider(world, merchant_id, attempt)
    return await attend.read_at_provider(world, merchant_id, attempt)
