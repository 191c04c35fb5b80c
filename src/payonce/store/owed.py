"""What is owed and how it came: effects and moves along arrows, written with the COMMIT of whoever decided them.

An effect that nobody shall be told of is written as suppressed, with a row in the audit that says why, so that it is
never owed anew. A key that is known already is owed already (A4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from payonce.domain.book import OwedEffect, Step
from payonce.domain.telling import Running
from payonce.store import queries
from payonce.store.database import Tx

BOOKS: Final = queries.load("books")


def write_owed(
    tx: Tx, merchant_id: str, owed: Sequence[OwedEffect], new_id: Callable[[], UUID], *, actor: str, run: Running | None
) -> None:
    """Owe the effects, each key once; `run` is named as who owed them."""
    effects = list({effect.key: effect for effect in owed}.values())
    if not effects:
        return
    run_id = run.id if run else None
    tx.later(
        BOOKS.insert_effects, merchant_id=merchant_id, now=tx.now, run_id=run_id,
        effect_ids=[e.id for e in effects], keys=[e.key for e in effects], kinds=[e.kind.name for e in effects],
        occasions=[e.occasion for e in effects], natures=[e.kind.nature for e in effects],
        order_ids=[e.order_id for e in effects], silent=[e.silent for e in effects],
        happened=[e.happened_at for e in effects], caused_by=[e.because for e in effects],
    )  # fmt: skip
    silent = [effect for effect in effects if effect.silent is not None]
    if silent:
        tx.later(
            BOOKS.audit_of_silence, merchant_id=merchant_id, now=tx.now, run_id=run_id, actor=actor,
            audit_ids=[new_id() for _ in silent], effect_ids=[e.id for e in silent], silent=[e.silent for e in silent],
        )  # fmt: skip


def write_steps(tx: Tx, merchant_id: str, steps: Sequence[Step], *, actor: str, run: Running | None) -> None:
    """Note every move along an arrow, with the run that made it."""
    if not steps:
        return
    given: dict[str, Any] = {
        "merchant_id": merchant_id, "now": tx.now, "actor": actor, "audit_ids": [s.id for s in steps],
        "subjects": [s.subject for s in steps], "subject_ids": [s.subject_id for s in steps],
        "sources": [s.source for s in steps], "events": [s.event for s in steps], "targets": [s.target for s in steps],
        "causes": [s.cause for s in steps],
    }  # fmt: skip
    if run is None:
        tx.later(BOOKS.insert_audit, **given)
    else:
        tx.later(BOOKS.insert_audit_of_run, **given, run_id=run.id)
