"""Telling people: which notifications of a state change are sent, and which are suppressed from the beginning.

A run of a job says whether it may tell people (A13). Whoever decides, nobody is told of what happened too long ago at
the provider (A5). What was paid for is no telling, and nothing here suppresses it (S20).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from payonce.base.ids import RUN, show

Notify = Literal["never", "preview", "send"]

# Why a notification was suppressed by the run that owed it. `preview`: it is listed, and would have been sent.
NEVER: Final = "run_tells_nobody"
PREVIEW: Final = "preview"
TOO_OLD: Final = "too_old"


@dataclass(frozen=True, slots=True)
class Telling:
    """Whether people are told of what is decided now. A request and an event may always tell; a run what it says."""

    notify: Notify = "send"
    # Older news is no news. A setting of the policy.
    horizon: timedelta = timedelta(hours=24)

    def why_silent(self, nature: str, silent: str | None, happened_at: datetime | None, now: datetime) -> str | None:
        """Why an effect that is owed now is suppressed at once, or None where it is due. `silent`: why its occasion is
        none that people are told of. `happened_at`: when it happened at the provider; None: now.
        """
        if nature != "notification":
            return None
        if silent is not None:
            return silent
        if is_too_old(happened_at, now, self.horizon):
            return TOO_OLD
        return {"never": NEVER, "preview": PREVIEW}.get(self.notify)


def is_too_old(happened_at: datetime | None, now: datetime, horizon: timedelta) -> bool:
    """Whether what happened then is no news any more."""
    return happened_at is not None and now - happened_at > horizon


@dataclass(frozen=True, slots=True)
class Running:
    """The run of a job that decides: its name goes on all that it writes (A20), and its limits hold for all of it: how
    many orders it may take up, and how many people it may tell. `usual` are those of its job, by which they were set.

    `counted` are the orders that it is known to have taken up already, so that each counts once.
    """

    id: UUID
    job: str
    most_rows: int | None = None
    most_messages: int | None = None
    usual_rows: int | None = None
    usual_messages: int | None = None
    counted: set[UUID] = field(default_factory=set)
    is_counted: bool = True

    @property
    def name(self) -> str:
        """The id as people read it."""
        return show(RUN, self.id)
