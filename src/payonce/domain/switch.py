"""Switches: what an operator stops, and what that means for a job and for messages. Pure.

A switch has the name of a job, `all` (all background work), or `messages` (all messages to customers but those of the
kinds that it allows). No row means on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from payonce.base.errors import Refused

ALL: Final = "all"
MESSAGES: Final = "messages"
# A reason is a sentence for whoever comes next, not a report.
LONGEST_REASON: Final = 500
LONGEST_ACTOR: Final = 200


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch as it stands. `allow`: the kinds that `messages` still lets out."""

    name: str
    is_off: bool
    allow: tuple[str, ...]
    reason: str
    actor: str
    at: datetime


def stopped_by(job: str, switches: Iterable[Switch]) -> Switch | None:
    """The switch that keeps the job from running, or None."""
    return next((each for each in switches if each.is_off and each.name in (job, ALL)), None)


def only_kinds(switches: Iterable[Switch]) -> frozenset[str] | None:
    """The kinds of messages to customers that may go out; None: all of them."""
    for each in switches:
        if each.name == MESSAGES and each.is_off:
            return frozenset(each.allow)
    return None


def say_stopped(switch: Switch) -> str:
    """Why nothing runs, in a sentence."""
    what = "all background work" if switch.name == ALL else switch.name
    return f"{switch.actor} paused {what}: {switch.reason}"


def check_reason(reason: str) -> str:
    """The reason, trimmed. Raises Refused `reason_missing` where there is none (A10), or too much of it."""
    trimmed = reason.strip()
    if not trimmed or len(trimmed) > LONGEST_REASON or not trimmed.isprintable():
        raise Refused(
            f"say why, in at most {LONGEST_REASON} letters; it is kept with who did it and when",
            code="reason_missing", param="reason",
        )  # fmt: skip
    return trimmed
