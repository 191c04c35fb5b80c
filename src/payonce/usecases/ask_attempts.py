"""Ask about attempts at their providers, in rounds: leases are taken together, and answers are joined together.

What a provider says of a hundred orders costs as many transactions as what it says of one. It only looks and closes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias, TypeVar
from uuid import UUID

from payonce.base.errors import Bug, Conflict, PayonceError, Refused, RunStopped
from payonce.domain import purpose
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book
from payonce.domain.checkout import take_lease
from payonce.domain.observation import Ref
from payonce.domain.order import Order
from payonce.usecases import attend
from payonce.usecases.close_duplicates import close_duplicates
from payonce.usecases.in_books import Work, in_books
from payonce.usecases.join_answers import Attended, Said, handle_of, record_all
from payonce.usecases.note_trouble import note_trouble
from payonce.usecases.trip_breaker import WHAT
from payonce.usecases.world import World

T = TypeVar("T")
# An order, its attempt, and what to ask for where that is not the attempt's own object.
Due: TypeAlias = tuple[UUID, UUID, Ref | None]
A = TypeVar("A", bound="Due | Said")
# A payer whose attempt is leased waits meanwhile: a round begins small, doubles while rounds are fast, and is halved
# where a provider is slow.
FIRST_ROUND: Final = 4
LONGEST_ROUND: Final = 50
FAST: Final = timedelta(seconds=1)
# After this long nobody more is asked in a round, and the leases of the rest go back.
PATIENCE: Final = timedelta(seconds=5)


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


async def ask_about(world: World, merchant_id: str, due: Sequence[Due], *, even_ended: bool = False) -> Resolved:
    """Ask about these attempts, as (order, attempt, reference), one by one. `even_ended`: also about those that ended
    at a provider where ended ones usually bring nothing any more.
    """
    duplicates = await close_duplicates(world, merchant_id, [order_id for order_id, _, _ in due])
    waiting = [one for one in due if one[0] not in duplicates]
    asking = _Asking(world, merchant_id, even_ended)
    while waiting and not world.is_stopped:
        waiting = await asking.next_round(waiting)
    return replace(asking.resolved, duplicates=len(duplicates))


class _Asking:
    """Asks about attempts in rounds: their leases are taken together, each is asked about, and the answers are joined
    together. Rounds grow while their provider answers fast, so that no lease is held for long where it does not.
    """

    def __init__(self, world: World, merchant_id: str, even_ended: bool) -> None:
        self.resolved = Resolved()
        self._world = world
        self._merchant_id = merchant_id
        self._even_ended = even_ended
        self._most = FIRST_ROUND

    async def next_round(self, waiting: Sequence[Due]) -> list[Due]:
        """Ask about the first of them; those that are left."""
        # An order that is named twice, for an attempt and a capture of it, has two turns.
        turn: list[Due] = []
        for one in waiting[: self._most]:
            turn += [one] if all(one[0] != other[0] for other in turn) else []
        began = self._world.clock.now()
        taken = [one for one in await self._each(turn, self._take_all) if one is not None]
        saids, states = await self._ask_all(taken), {attempt.id: attempt.state for attempt, _ in taken}
        for said, attended in zip(saids, await self._each(saids, self._record_all), strict=True):
            if attended is not None and said.outcome is not None:
                self._count(attended, states[said.attempt.id])
        is_fast = abs(self._world.clock.now() - began) < FAST
        self._most = min(2 * self._most, LONGEST_ROUND) if is_fast else max(self._most // 2, 1)
        unasked = {said.attempt.id for said in saids if said.outcome is None}
        return [one for one in waiting if one not in turn or one[1] in unasked]

    def _count(self, attended: Attended, before: str) -> None:
        after = attended.attempt.state
        settled, closed = after == "paid" != before, after in ("closed", "failed")
        self.resolved = self.resolved.plus(Resolved(1, int(settled), int(closed), int(not attended.answered)))

    async def _each(self, asked: Sequence[A], do: Callable[[Sequence[A]], Awaitable[list[T | None]]]) -> list[T | None]:
        """Do it for all together; where one of them cannot be recorded, for each by itself, and that one is noted: it
        holds nothing up that stands behind it.
        """
        if not asked:
            return []
        try:
            return await do(asked)
        except RunStopped as stopped:
            # Together they pass a cap of the run; by themselves they come up to it.
            if len(asked) == 1 or stopped.code not in WHAT:
                raise
        except (Bug, Refused, Conflict) as error:
            if len(asked) == 1:
                [one] = asked
                order_id = one.attempt.order_id if isinstance(one, Said) else one[0]
                await self._note(order_id, error)
                return [None]
        return [found for one in asked for found in await self._each([one], do)]

    async def _note(self, order_id: UUID, error: PayonceError) -> None:
        await note_trouble(self._world, self._merchant_id, order_id, "resolve_attempts", error)
        self.resolved = self.resolved.plus(Resolved(failed=1))

    async def _take_all(self, due: Sequence[Due]) -> list[tuple[Attempt, Ref | None] | None]:
        """Take the leases of attempts; a dead or paid one is only read again, for money that came late."""
        works = [Work(order_id, "resolve", self._taking(attempt_id, ref)) for order_id, attempt_id, ref in due]
        return await in_books(self._world, self._merchant_id, works, name="resolve")

    def _taking(self, attempt_id: UUID, ref: Ref | None) -> Callable[[Book, Order], tuple[Attempt, Ref | None] | None]:
        world, even_ended = self._world, self._even_ended or ref is not None

        def decide(book: Book, order: Order) -> tuple[Attempt, Ref | None] | None:
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
            take_lease(book, found, world.policy_of(self._merchant_id))
            return found, ref

        return decide

    async def _ask_all(self, taken: Sequence[tuple[Attempt, Ref | None]]) -> list[Said]:
        """What the provider says of each; nothing of those that there was no time for: their leases go back."""
        saids: list[Said] = []
        began = self._world.clock.now()
        for attempt, ref in taken:
            if self._world.is_stopped or (saids and abs(self._world.clock.now() - began) >= PATIENCE):
                saids.append(Said(attempt, None, "resolve"))
                continue
            try:
                saids.append(await _ask(self._world, self._merchant_id, attempt, ref))
            except (Bug, Refused, Conflict) as error:
                await self._note(attempt.order_id, error)
        return saids

    async def _record_all(self, saids: Sequence[Said]) -> list[Attended | None]:
        return [*await record_all(self._world, self._merchant_id, saids, name="join_answers")]


def _is_out_of_reach(world: World, attempt: Attempt, now: datetime) -> bool:
    """Whether the provider cannot be asked about an attempt that old. What was never handed out is given up by asking
    once more.
    """
    till = world.looker(attempt.provider, attempt.account)
    return attempt.state not in ("creating", "in_doubt") and attend.is_beyond_horizon(till, now - attempt.created_at)


def _pays_after_end(world: World, attempt: Attempt) -> bool:
    return world.looker(attempt.provider, attempt.account).capabilities.pays_after_end


async def _ask(world: World, merchant_id: str, attempt: Attempt, ref: Ref | None) -> Said:
    if ref is not None:
        return await attend.ask_how_it_is(world, merchant_id, attempt, ref)
    if handle_of(attempt) is None or attempt.state in ("creating", "in_doubt"):
        return await attend.ask_for_it(world, attempt)
    if not world.looker(attempt.provider, attempt.account).capabilities.can_close:
        return await attend.ask_how_it_is(world, merchant_id, attempt)
    expired = attempt.expires_at is not None and attempt.expires_at <= world.clock.now()
    is_over = attempt.state == "open" and (expired or attempt.close_because is not None)
    # The object of an abandoned attempt, found after all: nobody was given its handle, and nobody shall be.
    if is_over or attempt.state in ("closing", "abandoned"):
        return await attend.ask_to_close(world, merchant_id, attempt)
    return await attend.ask_how_it_is(world, merchant_id, attempt)
