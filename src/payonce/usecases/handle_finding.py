"""What a person does with a finding: acknowledge, assign, ignore until an end, resolve. Each with who, when and why.

Putting right what it is about is another act; here only the finding is written, and the audit. Refuses what no arrow
allows: one that is resolved stays so, and comes back as a new finding where it is found again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from payonce.base.errors import Conflict, Refused
from payonce.domain.finding_life import MACHINE, Rest, checked_rest
from payonce.store import queries
from payonce.store.database import Query, Row, Tx
from payonce.usecases.list_findings import FindingView
from payonce.usecases.world import World

FINDINGS: Final = queries.load("findings")
BOOKS: Final = queries.load("books")
# As long as a person reads it in a list.
LONGEST_REASON: Final = 500
LONGEST_NAME: Final = 60


async def acknowledge_finding(
    world: World, merchant_id: str, finding_id: UUID, actor: str, reason: str = ""
) -> FindingView:
    """Say that somebody looks into it. Raises Refused `finding_unknown` (404); Conflict `finding_resolved`."""
    return await _act(
        world, merchant_id, finding_id, "acknowledged", actor, _text(reason), FINDINGS.acknowledge_finding
    )


async def ignore_finding(
    world: World, merchant_id: str, finding_id: UUID, actor: str, reason: str, rest: Rest
) -> FindingView:
    """Let it rest until the first end that comes: nobody is told of it before. The finding afterwards.

    Raises Refused `finding_unknown` (404), `reason_missing`, `rest_without_end`, `rest_invalid`; Conflict
    `finding_resolved`.
    """
    why = _needed(reason)
    checked_rest(rest, world.clock.now())
    said = {"why": why, "until": rest.until, "more": rest.more, "more_orders": rest.orders}
    return await _act(world, merchant_id, finding_id, "ignored", actor, why, FINDINGS.ignore_finding, said)


async def resolve_finding(world: World, merchant_id: str, finding_id: UUID, actor: str, reason: str) -> FindingView:
    """Say that nothing is left to do. Where that is not so, the next look finds it again as `regressed`.

    Raises Refused `finding_unknown` (404), `reason_missing`; Conflict `finding_resolved`.
    """
    why = _needed(reason)
    return await _act(world, merchant_id, finding_id, "resolved", actor, why, FINDINGS.resolve_finding, {"why": why})


async def assign_finding(
    world: World, merchant_id: str, finding_id: UUID, actor: str, owner: str, reason: str = ""
) -> FindingView:
    """Give it to a person or a team. Raises Refused `finding_unknown` (404), `owner_invalid`; Conflict
    `finding_resolved`.
    """
    owner = owner.strip()
    if not owner or len(owner) > LONGEST_NAME or not owner.isprintable():
        said = f"an owner is a name of 1 to {LONGEST_NAME} characters"
        raise Refused(said, code="owner_invalid", param="owner")
    cause = _text(reason)
    return await _act(world, merchant_id, finding_id, None, actor, cause, FINDINGS.assign_finding, {"owner": owner})


async def _act(
    world: World, merchant_id: str, finding_id: UUID, event: str | None, actor: str, why: str, write: Query,
    said: Mapping[str, Any] | None = None,
) -> FindingView:  # fmt: skip
    """Lock the finding, take it along the arrow of `event` (None: it stays where it is), and write the audit."""
    if not actor.strip():
        raise Refused("say who does this", code="actor_missing", param="actor")
    audit_id, given = world.ids.new(), dict(said or {})
    who, key = actor.strip()[:LONGEST_NAME], {"merchant_id": merchant_id, "finding_id": finding_id}
    given |= {name: value for name, value in (("actor", who),) if f"%({name})s" in write.sql}

    async def work(tx: Tx) -> Row | None:
        row = await tx.one(FINDINGS.lock_finding, **key)
        if row is None:
            raise Refused("there is no such finding", code="finding_unknown", status=404)
        target = row.state if event is None else MACHINE.target(row.state, event)
        if target is None or row.state == "resolved":
            raise Conflict(
                "this finding is resolved already", code="finding_resolved",
                hint="Where the difference is found again, it is a new finding that names this one.",
                detail={"state": row.state},
            )  # fmt: skip
        if "%(now)s" in write.sql:
            given["now"] = tx.now
        await tx.run(write, **key, **given)
        source, target, act = (row.owner, given["owner"], "assigned") if event is None else (row.state, target, event)
        tx.later(
            BOOKS.insert_audit, merchant_id=merchant_id, now=tx.now, actor=who, audit_ids=[audit_id],
            subjects=["finding" if event else "finding_owner"], subject_ids=[finding_id], sources=[source],
            events=[act], targets=[target], causes=[why or row.kind],
        )  # fmt: skip
        return await tx.one(FINDINGS.show_finding, **key)

    shown = await world.database.transaction(work, name="handle_finding")
    return FindingView(*(shown or ()))


def _needed(reason: str) -> str:
    if not reason.strip():
        raise Refused("say why", code="reason_missing", param="reason")
    return _text(reason)


def _text(reason: str) -> str:
    reason = reason.strip()
    if len(reason) > LONGEST_REASON or (reason and not reason.isprintable()):
        raise Refused("the reason is too long or not printable", code="text_invalid", param="reason")
    return reason
