"""What a check of the monitor is: it looks, inside one transaction, and says what it found. It repairs nothing.

A finding resolves by itself when its check looked at it and it was there no more. What a check could not judge, or had
no room to show, stays as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from payonce.domain.finding import Severity
from payonce.domain.watch import Watch
from payonce.store.database import Row, Tx
from payonce.usecases.world import World

# More of one kind at once have one cause, and the rest is found when these are gone.
MOST_FOUND: Final = 500
# `watch` looks every minute at what cannot wait half an hour.
Pace = Literal["monitor", "watch"]


@dataclass(frozen=True, slots=True)
class Found:
    """One difference, before it has an id: `about` makes its fingerprint. Amounts are minor units."""

    kind: str
    about: str
    detail: Mapping[str, str]
    order_id: UUID | None = None
    provider: str | None = None
    money_minor: int = 0
    currency: str | None = None
    counted: int | None = None
    orders: int | None = None
    evidence: tuple[str, ...] = ()
    severity: Severity | None = None

    @property
    def fingerprint(self) -> str:
        return f"{self.kind}:{self.about}"


@dataclass(frozen=True, slots=True)
class Looking:
    """What a look is given: the instant, the limits, its findings that are not resolved, and where it left off."""

    world: World
    merchant_id: str
    now: datetime
    watch: Watch
    known: Sequence[Row]
    mark: str | None

    @property
    def known_abouts(self) -> dict[str, Row]:
        """The findings of this check that are not resolved, by fingerprint."""
        return {row.fingerprint: row for row in self.known}


@dataclass(slots=True)
class Look:
    """What a look found. `unclear`: fingerprints that it could not judge. `is_partial`: it stopped before its end, so
    that nothing may be taken for gone. `mark`: where the next one goes on.
    """

    found: list[Found] = field(default_factory=list)
    unclear: set[str] = field(default_factory=set)
    is_partial: bool = False
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check by name. `is_of_past`: it finds what happened and does not go away, so that a person's word ends it."""

    name: str
    why: str
    look: Callable[[Tx, Looking], Awaitable[Look]]
    pace: Pace = "monitor"
    is_of_past: bool = False
    # It looks at the installation and not at one merchant's rows.
    is_of_installation: bool = False


def found_of(rows: Sequence[Row], kind: str) -> Look:
    """The rows of a check's query as a look; `store/checks.sql` names the columns."""
    look = Look(is_partial=len(rows) > MOST_FOUND)
    for row in rows[:MOST_FOUND]:
        detail = {"says": row.says} | ({"since": row.since.isoformat()} if row.since is not None else {})
        look.found.append(
            Found(
                kind, row.about, detail, row.order_id, row.provider, row.money_minor or 0, row.currency,
                evidence=tuple(row.evidence or ()),
            )
        )  # fmt: skip
    return look
