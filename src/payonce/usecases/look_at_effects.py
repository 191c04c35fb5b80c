"""Look at effects: those that nobody takes up, that wait for a person, and that were delivered again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from payonce.base.ids import first_at
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.look import MOST_FOUND, Found, Look, Looking, found_of

CHECKS: Final = queries.load("checks")
# An effect's last try follows its first within a day; a month is far behind that, and bounds what is looked at.
_LOOKED_BACK: Final = timedelta(days=30)


async def stuck_effects(tx: Tx, looking: Looking) -> Look:
    """C19: what was due long ago, is owed for too long, or was claimed by a worker that died."""
    watch, now = looking.watch, looking.now
    rows = await tx.rows(
        CHECKS.stuck_effects, merchant_id=looking.merchant_id, due_before=now - watch.effect_due_after,
        owed_before=now - watch.effect_owed_after, limit=MOST_FOUND + 1,
    )  # fmt: skip
    return found_of(rows, "stuck_effect")


async def stopped_effects(tx: Tx, looking: Looking) -> Look:
    """L4: effects that wait for a person and have no finding of their own from where they stopped."""
    rows = await tx.rows(CHECKS.stopped_effects, merchant_id=looking.merchant_id, limit=MOST_FOUND + 1)
    look = found_of(rows, "unknown_effect")
    look.found = [replace(each, kind=row.kind) for each, row in zip(look.found, rows, strict=False)]
    return look


async def repeated_effects(tx: Tx, looking: Looking) -> Look:
    """E13: effects that were delivered more than once for one payment, or are tried more than twice."""
    world = looking.world
    rows = await tx.rows(
        CHECKS.repeated_effects, merchant_id=looking.merchant_id, from_id=first_at(looking.now - _LOOKED_BACK),
        usual_tries=looking.watch.usual_tries, limit=MOST_FOUND + 1,
        resent=sorted({kind.name for kind in world.kinds if kind.on_unknown == "resend"}),
    )  # fmt: skip
    look = found_of(rows, "repeated_effect")
    look.found = [_counted(each, row.accepted) for each, row in zip(look.found, rows, strict=False)]
    return look


def _counted(found: Found, accepted: int) -> Found:
    return replace(found, counted=max(1, accepted))
