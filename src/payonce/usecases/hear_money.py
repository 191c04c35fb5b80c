"""Hearing from providers how money stands before it is decided about: every capture of a purpose, and one refund.

Only questions are asked here, outside of transactions. What was heard is joined afterwards, by whoever decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from payonce.domain.attempt import Attempt
from payonce.domain.book import Book, Capture, RefKey
from payonce.domain.observation import Ref, RefundSeen
from payonce.providers.contract import Done, NotDone, Outcome
from payonce.store.database import Tx
from payonce.usecases import attend, join_answers
from payonce.usecases.world import World

# How a provider says that it cannot be asked for this at all, as opposed to not answering now.
CANNOT_SAY: Final = frozenset({"not_readable", "not_supported"})


@dataclass(slots=True)
class Heard:
    """What providers answered: by attempt, whole answers. `is_silent`: one of them gave none. `unreadable`: captures
    that their provider cannot be asked for, by its nature or because they are too old.
    """

    answers: list[tuple[UUID, Done]] = field(default_factory=list)
    unreadable: set[RefKey] = field(default_factory=set)
    is_silent: bool = False

    def add(self, attempt_id: UUID, outcome: Outcome) -> None:
        """Note one answer."""
        if isinstance(outcome, Done):
            self.answers.append((attempt_id, outcome))
        else:
            self.is_silent = True


async def hear_captures(world: World, captures: Sequence[tuple[Capture, Attempt]]) -> Heard:
    """Read every one of the captures at its provider. Raises Refused `provider_unknown`."""
    heard, asked = Heard(), set[tuple[UUID, Ref]]()
    for capture, attempt in captures:
        ref = _readable(world, capture, attempt)
        if ref is None:
            heard.unreadable.add(capture.key)
            continue
        if (attempt.id, ref) in asked:
            continue
        asked.add((attempt.id, ref))
        outcome = await _read(world, capture, attempt, ref)
        if isinstance(outcome, NotDone) and outcome.code in CANNOT_SAY:
            heard.unreadable.add(capture.key)
        else:
            heard.add(attempt.id, outcome)
    return heard


def _readable(world: World, capture: Capture, attempt: Attempt) -> Ref | None:
    """What the capture is asked for by; None where the provider forgot it by now."""
    looker = world.looker(attempt.provider, attempt.account)
    if attend.is_beyond_horizon(looker, world.clock.now() - attempt.created_at):
        return None
    return Ref(capture.key.kind, capture.key.id)


async def _read(world: World, capture: Capture, attempt: Attempt, ref: Ref) -> Outcome:
    """The answer about the capture itself; where it cannot be asked for, about the object that its payer was given."""
    looker, handle = world.looker(attempt.provider, attempt.account), join_answers.handle_of(attempt)
    outcome = await looker.read(ref)
    if isinstance(outcome, NotDone) and outcome.code in CANNOT_SAY and handle is not None and handle != ref:
        return await looker.read(handle)
    return outcome


def join_heard(tx: Tx, book: Book, heard: Heard, name: str) -> None:
    """Join everything that was heard, and keep the answers that changed something as evidence."""
    for attempt_id, done in heard.answers:
        attempt = book.attempts[attempt_id]
        mine = [seen for seen in done.observations if join_answers.concerns(seen, attempt)]
        before = (len(book.steps), len(book.entries))
        join_answers.join_observations(book, attempt, mine)
        if before != (len(book.steps), len(book.entries)):
            join_answers.keep_evidence(tx, book, attempt, done.body, name)


def tells_of(outcome: Outcome, refund_id: UUID) -> bool:
    """Whether the answer tells of this refund of ours."""
    return isinstance(outcome, Done) and any(
        isinstance(one.seen, RefundSeen) and one.seen.refund_id == refund_id for one in outcome.observations
    )


def says_there_is_none(outcome: Outcome | None, refund_id: UUID) -> bool:
    """Whether the provider answered that it knows of no such refund; silence says nothing."""
    if isinstance(outcome, Done):
        return not tells_of(outcome, refund_id)
    return isinstance(outcome, NotDone) and outcome.code == "not_found"
