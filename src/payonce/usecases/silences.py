"""Silences: be told nothing of something for a while, with an author, a reason and an end. Its end is announced.

It stops messages and no finding: what it holds is found, counted and listed as ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from payonce.base import ids
from payonce.base.errors import Conflict, Refused
from payonce.domain.alert_text import SEVERITIES
from payonce.domain.finding import KINDS
from payonce.store import queries
from payonce.store.alerts import SILENCES
from payonce.store.database import Tx
from payonce.usecases.world import World

BOOKS: Final = queries.load("books")
# Who wants longer than this wants another rule, or to ignore a finding.
LONGEST: Final = timedelta(days=30)
LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Scope:
    """What a silence is about; what is None, it holds whatever it is."""

    kind: str | None = None
    severity: str | None = None
    provider: str | None = None
    order_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SilenceView:
    """A silence as people see it. `held`: how many alerts it kept back; `holds`: whether it is in force."""

    id: UUID
    kind: str | None
    severity: str | None
    provider: str | None
    order_id: UUID | None
    author: str
    reason: str
    begins_at: datetime
    ends_at: datetime
    ended_by: str | None
    ended_why: str | None
    holds: bool = True
    held: int = 0

    @property
    def scope(self) -> str:
        """What it is about, in words."""
        return scope_of(self.kind, self.severity, self.provider, self.order_id)


def scope_of(kind: str | None, severity: str | None, provider: str | None, order_id: UUID | None) -> str:
    """What a silence is about, in words: `warning second_charge of stripe`, or `everything`."""
    words = [word for word in (severity, kind) if word]
    of = [f"of {provider}"] if provider else []
    order = [f"about {ids.show(ids.ORDER, order_id)}"] if order_id else []
    return " ".join([*words, *of, *order]) or "everything"


async def silence(
    world: World, merchant_id: str, scope: Scope, lasts: timedelta, *, author: str, reason: str
) -> SilenceView:
    """Begin a silence of this merchant's alerts.

    Raises Refused `reason_missing`, `author_missing`, `silence_too_long`, `finding_kind_unknown`,
    `finding_severity_unknown`.
    """
    author, reason = _said(author, reason)
    if scope.kind is not None and scope.kind not in KINDS:
        raise Refused(f"there is no kind of finding {scope.kind!r:.60}", code="finding_kind_unknown", param="kind")
    if scope.severity is not None and scope.severity not in SEVERITIES:
        said = f"there is no severity {scope.severity!r:.20}; there are {', '.join(SEVERITIES)}"
        raise Refused(said, code="finding_severity_unknown", param="severity")
    if not timedelta() < lasts <= LONGEST:
        raise Refused(
            f"a silence lasts up to {LONGEST.days} days", code="silence_too_long", param="for",
            hint="A finding that shall be left alone for longer can be ignored: `payonce findings ignore`.",
        )  # fmt: skip
    silence_id, audit_id = world.ids.new(), world.ids.new()

    async def work(tx: Tx) -> SilenceView:
        ends_at = tx.now + lasts
        tx.later(
            SILENCES.insert_silence, merchant_id=merchant_id, silence_id=silence_id, kind=scope.kind,
            severity=scope.severity, provider=scope.provider, order_id=scope.order_id, author=author, reason=reason,
            now=tx.now, ends_at=ends_at,
        )  # fmt: skip
        _audit(tx, merchant_id, audit_id, silence_id, author, ("", "silence", "holds"), reason)
        return SilenceView(
            silence_id, scope.kind, scope.severity, scope.provider, scope.order_id, author, reason, tx.now, ends_at,
            ended_by=None, ended_why=None,
        )  # fmt: skip

    return await world.database.transaction(work, name="silence")


async def unsilence(world: World, merchant_id: str, silence_id: UUID, *, by: str, reason: str) -> SilenceView:
    """End a silence before its time; that is announced as well.

    Raises Refused `silence_unknown` (404), `reason_missing`; Conflict `silence_ended`.
    """
    by, reason = _said(by, reason)
    audit_id = world.ids.new()

    async def work(tx: Tx) -> SilenceView:
        row = await tx.one(SILENCES.lock_silence, merchant_id=merchant_id, silence_id=silence_id)
        if row is None:
            raise Refused("there is no such silence", code="silence_unknown", status=404)
        mine = row.ended_by == by and row.ended_why == reason
        if row.ends_at <= tx.now and not mine:
            raise Conflict("this silence has ended already", code="silence_ended")
        if not mine:
            tx.later(
                SILENCES.end_silence, merchant_id=merchant_id, silence_id=silence_id, now=tx.now, ended_by=by,
                ended_why=reason,
            )  # fmt: skip
            _audit(tx, merchant_id, audit_id, silence_id, by, ("holds", "unsilence", "ended"), reason)
        ends_at = row.ends_at if mine else tx.now
        return SilenceView(row.silence_id, row.kind, row.severity, row.provider, row.order_id, row.author, row.reason,
                           row.begins_at, ends_at, by, reason, holds=False)  # fmt: skip

    return await world.database.transaction(work, name="unsilence")


async def list_silences(
    world: World, merchant_id: str, *, only_in_force: bool = False, limit: int = 20, before: UUID | None = None
) -> list[SilenceView]:
    """Silences, the newest first, behind the id `before`."""

    async def work(tx: Tx) -> list[SilenceView]:
        given = {"only_in_force": only_in_force, "limit": limit, "before": before, "now": tx.now}
        return [SilenceView(*row) for row in await tx.rows(SILENCES.list_silences, merchant_id=merchant_id, **given)]

    return await world.database.transaction(work, name="list_silences", read_only=True)


def _said(author: str, reason: str) -> tuple[str, str]:
    author, reason = author.strip(), reason.strip()
    if not author:
        raise Refused("say who asks for it", code="author_missing", param="author")
    if not reason or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise Refused(f"say why, in up to {LONGEST_REASON} printable characters", code="reason_missing", param="reason")
    return author[:100], reason


def _audit(
    tx: Tx, merchant_id: str, audit_id: UUID, silence_id: UUID, actor: str, move: tuple[str, str, str], reason: str
) -> None:
    source, event, target = move
    tx.later(
        BOOKS.insert_audit, merchant_id=merchant_id, now=tx.now, actor=actor[:60], audit_ids=[audit_id],
        subjects=["silence"], subject_ids=[silence_id], sources=[source], events=[event], targets=[target],
        causes=[reason],
    )  # fmt: skip
