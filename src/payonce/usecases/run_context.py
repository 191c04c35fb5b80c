"""Who is at work: one run of a job, as use cases see it. A request has none.

It says what the run may do (tell people or not, how many rows, how many messages) and gathers what it did. It decides
nothing: the frame in `jobs/` looks at it between two batches, and stops the run that passed a cap or was told to stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from payonce.base.errors import RunStopped as RunStopped

Notify = Literal["never", "preview", "send"]
NOTIFY: Final = ("never", "preview", "send")


@dataclass(slots=True)
class RunContext:
    """One run. `run_id` goes on everything that it writes (A20). Counters are of committed work: a closure that may be
    run again gathers apart, and adds what was committed.

    `only_kinds`: the kinds of messages to customers that the switch `messages` still allows; None: all of them.
    `is_dry`: a look without any effect; nothing may be written and nobody called.
    """

    run_id: UUID
    job: str
    notify: Notify
    most_messages: int | None = None
    most_rows: int | None = None
    fence: int = 0
    is_dry: bool = False
    # Whether it is the life of a worker, which has no end and is not counted against limits.
    is_worker: bool = False
    only_kinds: frozenset[str] | None = None
    # Whether this process was told by its environment that no message to a customer may go out.
    is_silent: bool = False
    batches: int = 0
    taken: int = 0
    changed: int = 0
    messages: int = 0
    suppressed: int = 0
    failures: int = 0
    people: set[str] = field(default_factory=set)
    # Of a part of this run that another process did.
    people_before: int = 0
    # What runs of the job usually take up and tell, once it was looked up: ten times as much stops the run (A19).
    is_armed: bool = False
    usual_rows: int | None = None
    usual_messages: int | None = None
    # The orders that it took up in transactions that were committed, so that each counts once for its cap.
    counted: set[UUID] = field(default_factory=set)
    report: dict[str, Any] = field(default_factory=dict)
    # Why the run ends after this batch, where somebody said so.
    stop_because: str = ""
    # Whether that was a switch: then the run keeps its place, and goes on when the switch is put back.
    stopped_by_switch: bool = False
    # Where each merchant's part of the run goes on, for a job that walks through pages.
    bookmarks: dict[str, Any] = field(default_factory=dict)

    def stop(self, because: str) -> None:
        """End the run after this batch; the first reason stands."""
        self.stop_because = self.stop_because or because

    def may_tell(self, kind: str) -> bool:
        """Whether the switch `messages` lets a message of this kind go out now."""
        return not self.is_silent and (self.only_kinds is None or kind in self.only_kinds)

    def counters(self) -> Mapping[str, int]:
        """What the row of the run says in numbers."""
        return {
            "batches": self.batches, "taken": self.taken, "changed": self.changed, "messages": self.messages,
            "people": self.people_before + len(self.people),
            "suppressed": self.suppressed, "failures": self.failures,
        }  # fmt: skip


class RunLost(RunStopped):
    """Raised where another process has the run by now: this one touches nothing more."""

    def __init__(self) -> None:
        super().__init__("the run was taken over by another process", code="run_lost")
