"""What one job is: a row of the timetable, what it is handed, and what one batch of it did.

A job is handed a world whose providers can look and close and cannot create a payment (A8). How its batches follow each
other is the lane's matter (`lane.py`), which event loop drives them nobody's here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from payonce.base.errors import Refused
from payonce.usecases.alerting import Alerting
from payonce.usecases.deliver_effects import OneAfterAnother, Together
from payonce.usecases.effect_handlers import Handlers
from payonce.usecases.register_jobs import JobFacts
from payonce.usecases.run_context import NOTIFY, Notify
from payonce.usecases.world import World


@dataclass(frozen=True, slots=True)
class Ran:
    """What one batch did: rows taken up, of those changed, and messages that reached a receiver.

    A batch that took up as many as it may is followed by the next one, any other is the last of its run; `has_more`
    says otherwise, where rows do not tell.
    """

    taken: int = 0
    changed: int = 0
    messages: int = 0
    detail: str = ""
    has_more: bool | None = None

    def is_last(self, at_most: int) -> bool:
        """Whether nothing is left for a further batch of this run."""
        return self.taken < at_most if self.has_more is None else not self.has_more


def unobserved(job: str, merchant_id: str, result: Any) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True)
class Hand:
    """What every job is handed: a world whose providers are lookers, the handlers that deliver effects, and how their
    calls run `together`. `observe` is told what each use case answered, and what each batch did, for metrics.
    """

    world: World
    handlers: Handlers
    together: Together = field(default_factory=OneAfterAnother)
    observe: Callable[[str, str, Any], None] = unobserved
    # Who is told of findings, and how.
    alerting: Alerting = field(default_factory=Alerting)


@dataclass(frozen=True, slots=True)
class Would:
    """What a job would take up, if it ran now: a line for each row, and how many messages that would send at most."""

    rows: Sequence[str]
    messages: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row of the timetable. `notify` must be said: a job that forgot it could tell people by accident (A13).

    A run goes on batch by batch, of `at_most` rows each for every merchant, and is stopped at `most_rows` or
    `most_messages`. A worker has no runs: it claims rows by their own leases, and works in every process at once.
    """

    name: str
    why: str
    every_seconds: float
    at_most: int
    notify: Notify
    use: Callable[[Hand, str, int], Awaitable[Ran]]
    # What it would take up: reads only, and calls nobody (S17).
    look: Callable[[Hand, str, int], Awaitable[Would]] | None = None
    most_rows: int | None = None
    most_messages: int | None = None
    is_worker: bool = False
    # Whether its look is asked before it takes its turn, so that a slot with nothing to do writes nothing.
    looks_first: bool = False
    # Whether the process itself may call it before its time, because something was just settled.
    wakes: bool = False
    # Whether it sends money back, so that it is handed a world that can, and that still cannot create a payment (A8).
    sends_back: bool = False

    def __post_init__(self) -> None:
        if self.notify not in NOTIFY:
            raise Refused(f"the job {self.name} must say notify=never, preview or send", code="job_notify_missing")

    @property
    def facts(self) -> JobFacts:
        """What others see of it."""
        return JobFacts(
            self.name, self.why, self.is_worker, self.notify, self.every_seconds, self.most_rows, self.most_messages
        )
