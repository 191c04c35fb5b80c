"""Alerts: which changes of findings are told on which routes, when, and what a silence holds back. Pure.

An *alert* is one change of one finding (or the end of a silence) for one route. Alerts that wait for the same route
about the same kind are told together, as one *message*; a message is written down and claimed before it is sent.
Whether it arrived is either known, or it is `unknown` and stays so: nobody is told twice because nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final, Literal
from uuid import UUID

from payonce.domain.arrow import Arrow, Machine
from payonce.domain.schedule import backoff

Tone = Literal["raised", "resolved", "ended"]
RESOLVED: Final = "resolved"
# The kind of an alert that tells of no finding.
SILENCE_ENDED: Final = "silence_ended"

ALERT_STATES: Final = ("waiting", "silenced", "dropped", "grouped")
ALERTS: Final = Machine(
    "alert",
    ALERT_STATES,
    ("grouped", "dropped"),
    (
        Arrow("waiting", "grouped", "grouped", "its time has come: it stands in a message, which says how far it is"),
        Arrow("waiting", "dropped", "dropped", "its finding was resolved before it was told, or its route is gone"),
    ),
)

MESSAGE_STATES: Final = ("claimed", "sent", "failed", "unknown", "dead")
MACHINE: Final = Machine(
    "alert message",
    MESSAGE_STATES,
    ("claimed", "accepted", "refused", "gave_up", "lost", "lost_resend", "proven"),
    (
        Arrow("failed", "claimed", "claimed", "its next try is due"),
        Arrow("claimed", "accepted", "sent", "the receiver accepted it"),
        Arrow("claimed", "refused", "failed", "the receiver refused it for now, or it never left; it is tried again"),
        Arrow("claimed", "gave_up", "dead", "the last try was refused, or it will never be taken"),
        Arrow("claimed", "lost", "unknown", "not known whether it arrived, and sending again could repeat it"),
        Arrow("claimed", "lost_resend", "failed", "not known whether it arrived; the receiver knows its id, so again"),
        Arrow("unknown", "proven", "sent", "a late answer showed that it arrived"),
        Arrow("failed", "gave_up", "dead", "its route is gone"),
        Arrow("failed", "proven", "sent", "a late answer of its last try showed that it arrived"),
    ),
)  # fmt: skip

# Twelve tries, doubling from five seconds to an hour, take four hours: a chat may be down for that long, and what is
# older is found in the list of findings.
MOST_TRIES: Final = 12
LONGEST_PAUSE: Final = timedelta(hours=1)
# Longer than the longest call of a channel (30 s), so that only a worker that stopped loses its claim.
LEASE: Final = timedelta(seconds=60)
# A chat is read once a minute at most; a pager has other reasons to be quiet.
USUAL_GROUP: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a finding that is worth telling."""

    finding_id: UUID
    kind: str
    severity: str
    provider: str | None
    order_id: UUID | None
    number: int
    changed_as: str

    @property
    def tone(self) -> Tone:
        """Whether there is something to do, or no more."""
        return "resolved" if self.changed_as == RESOLVED else "raised"


@dataclass(frozen=True, slots=True)
class Route:
    """Where alerts go, and which. A filter that is empty lets everything pass; kinds may be patterns (`refund_*`).

    `resends`: its receiver recognises a repetition by the message's id, so that an unknown outcome is tried again.
    """

    name: str
    kinds: Sequence[str] = ()
    severities: Sequence[str] = ()
    providers: Sequence[str] = ()
    merchants: Sequence[str] = ()
    group: timedelta = USUAL_GROUP
    resends: bool = False

    def serves(self, merchant_id: str) -> bool:
        """Whether alerts of the merchant go here at all."""
        return not self.merchants or merchant_id in self.merchants

    def wants(self, merchant_id: str, change: Change) -> bool:
        """Whether the change is told here."""
        return (
            self.serves(merchant_id)
            and (not self.kinds or any(fnmatchcase(change.kind, pattern) for pattern in self.kinds))
            and (not self.severities or change.severity in self.severities)
            and (not self.providers or change.provider in self.providers)
        )

    def due_at(self, severity: str, now: datetime, last_begun_at: datetime | None) -> datetime:
        """When an alert goes out that is noted now: a critical one at once (C17), others when the group is complete.

        Shortly behind a message of the same kind it waits as well, so that a burst is two messages and not hundreds.
        """
        due = now if severity == "critical" else now + self.group
        return due if last_begun_at is None else max(due, last_begun_at + self.group)


@dataclass(frozen=True, slots=True)
class Silence:
    """What somebody does not want to be told of for a while. What it does not name (None), it holds whatever it is."""

    id: UUID
    kind: str | None
    severity: str | None
    provider: str | None
    order_id: UUID | None

    def holds(self, change: Change) -> bool:
        """Whether the change is not told while the silence lasts."""
        named = ((self.kind, change.kind), (self.severity, change.severity), (self.provider, change.provider),
                 (self.order_id, change.order_id))  # fmt: skip
        return all(wanted is None or wanted == found for wanted, found in named)

    def may_concern(self, route: Route) -> bool:
        """Whether the route could carry what the silence holds, so that its end is announced there."""
        return (
            (self.kind is None or not route.kinds or any(fnmatchcase(self.kind, each) for each in route.kinds))
            and (self.severity is None or not route.severities or self.severity in route.severities)
            and (self.provider is None or not route.providers or self.provider in route.providers)
        )


@dataclass(frozen=True, slots=True)
class Noted:
    """What was noted for a finding and a route before: the last change of each sort."""

    waiting: bool = False
    told_change: int = 0
    resolved_change: int = 0

    @property
    def was_told(self) -> bool:
        """Whether the route was told of the finding since it was last told that it is resolved."""
        return self.told_change > self.resolved_change


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a change on a route: `waiting`, `silenced` by a silence, or nothing at all (None)."""

    state: Literal["waiting", "silenced"] | None
    silence_id: UUID | None = None
    # Whether what still waits about the finding has become pointless.
    drops_waiting: bool = False


def plan(change: Change, noted: Noted, silences: Iterable[Silence]) -> Plan:
    """Decide whether a change is told on a route that wants it. That something is resolved is told where it was told
    that it is there, and nowhere else."""
    if change.tone == "resolved" and not noted.was_told:
        return Plan(None, drops_waiting=noted.waiting)
    silence = next((each for each in silences if each.holds(change)), None)
    if silence is not None:
        return Plan("silenced", silence.id, drops_waiting=change.tone == "resolved" and noted.waiting)
    return Plan("waiting", drops_waiting=change.tone == "resolved" and noted.waiting)


def next_try(tries: int, now: datetime, uniform: float, retry_after_seconds: float | None) -> datetime:
    """When a message that was refused is tried again; not before its receiver asks for."""
    pause = backoff(tries, uniform, longest=LONGEST_PAUSE)
    return now + max(pause, timedelta(seconds=min(retry_after_seconds or 0.0, LONGEST_PAUSE.total_seconds())))
