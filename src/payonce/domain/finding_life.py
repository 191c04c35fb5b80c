"""The life of a finding: how it is taken up, set aside, mended, and found again. Refuses silence without an end.

What a check finds again is the same finding. Found again after it was resolved it is a new row in the state
`regressed`, linked to the earlier one: nothing that was once resolved is edited.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from payonce.base.errors import Refused
from payonce.domain.arrow import Arrow, Machine

STATES: Final = ("open", "acknowledged", "ignored", "regressed", "resolved")
EVENTS: Final = ("acknowledged", "ignored", "woken", "gone", "resolved", "returned")

MACHINE: Final = Machine(
    "finding",
    STATES,
    EVENTS,
    (
        Arrow("open", "acknowledged", "acknowledged", "a person says that they look into it"),
        Arrow("regressed", "acknowledged", "acknowledged", "a person says that they look into it again"),
        Arrow("ignored", "acknowledged", "acknowledged", "a person takes it up before the end of its rest"),
        Arrow("acknowledged", "acknowledged", "acknowledged", "another person takes it over"),
        Arrow("open", "ignored", "ignored", "a person says why it may rest, and until when"),
        Arrow("regressed", "ignored", "ignored", "a person says why it may rest though it came back, and until when"),
        Arrow("acknowledged", "ignored", "ignored", "who looked into it says why it may rest, and until when"),
        Arrow("ignored", "ignored", "ignored", "a person gives its rest another end"),
        # By itself: its time is over, or there is more of it than was put up with.
        Arrow("ignored", "woken", "open", "what it was ignored until has come"),
        # By itself: the check that found it, or the flow that met it, sees that it is so no more.
        Arrow("open", "gone", "resolved", "the difference is gone"),
        Arrow("regressed", "gone", "resolved", "the difference is gone again"),
        Arrow("acknowledged", "gone", "resolved", "the difference is gone while a person looked into it"),
        Arrow("ignored", "gone", "resolved", "the difference is gone while nobody minded it"),
        Arrow("open", "resolved", "resolved", "a person says why nothing is left to do"),
        Arrow("regressed", "resolved", "resolved", "a person says why nothing is left to do this time"),
        Arrow("acknowledged", "resolved", "resolved", "who looked into it says why nothing is left to do"),
        Arrow("ignored", "resolved", "resolved", "a person says why nothing is left to do"),
        # The earlier row stays resolved; the new one names it and begins here.
        Arrow("resolved", "returned", "regressed", "the same difference was found again after it was resolved"),
    ),
)

# Why the number of changes rises: what is worth telling people who cannot look all day.
CHANGES: Final = ("opened", "regressed", "woken", "grown", "overdue", "resolved")
# A difference that is ten times what it was when it was last told is another matter.
GROWN: Final = 10


@dataclass(frozen=True, slots=True)
class Rest:
    """Until when a finding is ignored: a time, so many more of what it counts, or so many more orders.

    The first that comes ends it. Without an end, ignoring would be deleting by another name.
    """

    until: datetime | None = None
    more: int | None = None
    orders: int | None = None


def checked_rest(rest: Rest, now: datetime) -> Rest:
    """The rest, where it has an end that is still to come. Raises Refused `rest_without_end`, `rest_invalid`."""
    if rest.until is None and rest.more is None and rest.orders is None:
        raise Refused(
            "say until when it is ignored", code="rest_without_end", param="until",
            hint="A time (24h), so many more sightings, or so many more orders.",
        )  # fmt: skip
    if rest.until is not None and rest.until <= now:
        raise Refused("the time until which it is ignored is past", code="rest_invalid", param="until")
    for name, number in (("more", rest.more), ("orders", rest.orders)):
        if number is not None and not 1 <= number <= 1_000_000:
            raise Refused(f"{name} is a whole number from 1 to 1,000,000", code="rest_invalid", param=name)
    return rest
