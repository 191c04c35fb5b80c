"""Runs of jobs: which slot is due, who may take a run over, and the states of a run.

Time is cut into slots by a job's interval, the same in every process, and a job runs once for each: that is what makes
it run once however many processes look. Slots that nobody was there for are not made up for one by one: the next run
stands for all of them, because a run takes up whatever is due. A lease or a slot that lies further ahead than clocks
may differ was written by a clock that was wrong, and holds nobody up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID
from zlib import crc32

from payonce.domain.arrow import Arrow, Machine

STATES: Final = ("running", "done", "failed", "stopped", "lost")
EVENTS: Final = ("taken_up", "finished", "failed", "stopped", "lost")
MACHINE: Final = Machine(
    "job run",
    STATES,
    EVENTS,
    (
        # The same row goes on with the next fence, so that a slot is one run, whoever works on it.
        Arrow("running", "taken_up", "running", "its process died or slept past its lease, and another goes on"),
        Arrow("stopped", "taken_up", "running", "the switch was put back, and it goes on where it stopped"),
        Arrow("failed", "taken_up", "running", "it is tried again after a rest, because its next slot is far away"),
        Arrow("running", "finished", "done", "a batch took up less than it may, so nothing is left"),
        Arrow("running", "failed", "failed", "a batch met an error; whoever comes next begins from the rows"),
        Arrow("running", "stopped", "stopped", "a switch was pulled, or it met its cap"),
        Arrow("running", "lost", "lost", "its worker ended without a word; what it held ends by its own leases"),
    ),
)

# A lease outlasts the longest time between two transactions of a run, which is one call to a provider of 20 s at most.
LEASE: Final = timedelta(seconds=60)
# Nobody's lease is longer; one that ends later was written by a clock that is wrong.
LONGEST_LEASE: Final = timedelta(minutes=10)
# Clocks of hosts that are kept are seconds apart.
AHEAD: Final = timedelta(minutes=5)
# Jobs of one interval begin at different seconds, at most so far apart, so that they do not all come at the full hour.
SPREAD_SECONDS: Final = 300.0
# A run that comes less often than this is kept even if it found nothing: it is a few rows a day, and shows silence.
KEPT_FROM_SECONDS: Final = 60.0
# The rest after a failing run doubles up to this: soon enough after a database restarts, seldom enough for its log.
LONGEST_REST_SECONDS: Final = 30.0
# A run that comes seldom is tried again after one, two, four and eight minutes: by then most databases are back.
FIRST_REST_SECONDS: Final = 60.0
MOST_TRIES: Final = 5
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class JobState:
    """A job's row as far as its turns depend on it."""

    job: str
    every_seconds: float
    is_retired: bool
    slot_at: datetime | None
    run_id: UUID | None
    run_slot_at: datetime | None
    fence: int
    lease_until: datetime | None
    rest_until: datetime | None
    failures_in_a_row: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be run now. `run_id`: the run that is taken over, or None for a new one of `slot_at`, which stands
    for `slots` slots of `every_seconds`.
    """

    run_id: UUID | None
    slot_at: datetime | None
    slots: int
    every_seconds: float = 0.0


def slot_of(now: datetime, every_seconds: float, job: str) -> datetime:
    """The beginning of the slot that `now` is in."""
    every = timedelta(seconds=every_seconds)
    offset = _offset(every_seconds, job)
    return _EPOCH + offset + ((now - _EPOCH - offset) // every) * every


def next_turn(state: JobState, now: datetime) -> Turn | None:
    """What is to be run now, or None: the job is held, at rest, or had its slot. Switches are not looked at here."""
    if state.is_retired or _rests(state, now):
        return None
    if state.run_id is not None:
        return (
            None if is_leased(state.lease_until, now) else Turn(state.run_id, state.run_slot_at, 1, state.every_seconds)
        )
    slot = slot_of(now, state.every_seconds, state.job)
    if state.slot_at is None or state.slot_at > now + AHEAD:
        return Turn(None, slot, 1, state.every_seconds)
    if state.slot_at >= slot:
        return None
    slots = max(1, (slot - state.slot_at) // timedelta(seconds=state.every_seconds))
    return Turn(None, slot, slots, state.every_seconds)


def rest_after(failures_in_a_row: int, every_seconds: float) -> timedelta:
    """How long a job rests after it failed: longer each time, up to half a minute; one that comes seldom, from a minute
    up to its own interval.
    """
    first = min(every_seconds, FIRST_REST_SECONDS)
    longest = max(LONGEST_REST_SECONDS, every_seconds)
    doublings = failures_in_a_row - 1 if every_seconds >= KEPT_FROM_SECONDS else failures_in_a_row
    return timedelta(seconds=min(first * 2 ** min(max(doublings, 0), 20), longest))


def is_tried_again(failures_in_a_row: int, every_seconds: float) -> bool:
    """Whether the run that failed is tried again itself, because waiting for the next slot would be long."""
    return every_seconds >= KEPT_FROM_SECONDS and failures_in_a_row < MOST_TRIES


def is_leased(lease_until: datetime | None, now: datetime) -> bool:
    """Whether somebody holds the run at this moment."""
    return lease_until is not None and now < lease_until <= now + LONGEST_LEASE


def seconds_to_next(state: JobState, now: datetime) -> float:
    """How long until the next slot begins."""
    following = slot_of(now, state.every_seconds, state.job) + timedelta(seconds=state.every_seconds)
    return (following - now).total_seconds()


def _rests(state: JobState, now: datetime) -> bool:
    """Whether it rests after a failure. No longer than a rest may be, whatever another clock wrote."""
    longest = timedelta(seconds=max(LONGEST_REST_SECONDS, state.every_seconds)) + AHEAD
    return state.rest_until is not None and now < state.rest_until <= now + longest


def _offset(every_seconds: float, job: str) -> timedelta:
    return timedelta(milliseconds=crc32(job.encode()) % max(1, int(min(every_seconds, SPREAD_SECONDS) * 1000)))
