"""Alerts in the database: the named queries, and the writing of alerts that were decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from payonce.domain.alert import Change, Silence
from payonce.store import queries
from payonce.store.database import Row, Tx

ALERTS: Final = queries.load("alerts")
SILENCES: Final = queries.load("silences")
# What strangers answered is kept for people, and they could send for ever.
LONGEST_ANSWER: Final = 300


@dataclass(frozen=True, slots=True)
class NewAlert:
    """One alert to be written: it waits until `due_at`, or is held by a silence."""

    id: UUID
    route: str
    subject_id: UUID
    number: int
    changed_as: str
    kind: str
    tone: str
    due_at: datetime | None
    silence_id: UUID | None = None


def change_of(row: Row) -> Change:
    """A locked finding as the change that it stands at."""
    return Change(
        row.finding_id, row.kind, row.severity, row.provider, row.order_id, row.change, row.changed_as
    )  # fmt: skip


async def silences_in_force(tx: Tx, merchant_id: str) -> list[Silence]:
    """The silences that hold at the transaction's instant."""
    return [Silence(*row) for row in await tx.rows(SILENCES.silences_in_force, merchant_id=merchant_id, now=tx.now)]


def write_alerts(tx: Tx, merchant_id: str, subject: Literal["finding", "silence"], alerts: Sequence[NewAlert]) -> None:
    """Write alerts with the COMMIT; one that is there already stays as it is."""
    if not alerts:
        return
    tx.later(
        ALERTS.insert_alerts, merchant_id=merchant_id, subject=subject, now=tx.now,
        alert_ids=[each.id for each in alerts], routes=[each.route for each in alerts],
        subject_ids=[each.subject_id for each in alerts], changes=[each.number for each in alerts],
        changed_as=[each.changed_as for each in alerts], kinds=[each.kind for each in alerts],
        tones=[each.tone for each in alerts],
        states=["silenced" if each.silence_id else "waiting" for each in alerts],
        silence_ids=[each.silence_id for each in alerts], dues=[each.due_at for each in alerts],
    )  # fmt: skip


def short(text: str) -> str:
    """What a stranger answered, as text that PostgreSQL takes: no NUL, no lone surrogate, not endless."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")[:LONGEST_ANSWER]
