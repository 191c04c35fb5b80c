"""Look whether everything holds that always holds: the questions of `payonce prove`, about the orders that moved.

Steps in the audit and entries in the ledger say which orders those are; both are in order of time, so that a look goes
on where the last one ended and costs what happened since, however much there is already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from payonce.base.ids import first_at
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.look import MOST_FOUND, Found, Look, Looking
from payonce.usecases.look_at_providers import SETTLED_AFTER
from payonce.usecases.prove import Counterexample, prove_of, prove_small

CHECKS: Final = queries.load("monitor")
# About what one round trip of forty questions answers within a second.
BATCH: Final = 500
# Steps that are read at once, and stretches of one look: what a busy hour brings. The rest is for the next look.
STEPS: Final = 4_000
MOST_STRETCHES: Final = 25
# One transaction; the rest is for the next look.
LONGEST: Final = timedelta(seconds=30)
_NOTHING: Final = UUID(int=0)
_LEDGER: Final = frozenset(
    "s3_entries_balance s3_ledger_balances s4_clearing_is_what_the_provider_said s4_serving_is_posted".split()
)


async def invariants(tx: Tx, looking: Looking) -> Look:
    """Every promise, about the orders that moved since the last look and those of which a finding is not resolved."""
    clock = looking.world.clock
    ends, marks = clock.now() + LONGEST, _read(looking.mark)
    broken = await prove_small(tx, looking.merchant_id)
    known = {row.order_id for row in looking.known if row.order_id is not None}
    broken += await _prove(tx, looking, known)
    looked = set(known)
    for _ in range(MOST_STRETCHES):
        moved, marks, more = await _moved(tx, looking, marks)
        broken += await _prove(tx, looking, moved - looked)
        looked |= moved
        if not more or clock.now() >= ends:
            break
    look = Look(mark=" ".join(str(mark) for mark in marks), is_partial=len(broken) > MOST_FOUND)
    look.found = await _found(tx, looking.merchant_id, broken)
    return look


async def _moved(
    tx: Tx, looking: Looking, marks: tuple[UUID, UUID]
) -> tuple[set[UUID], tuple[UUID, UUID], bool]:  # fmt: skip
    """The orders of the next stretch, where it ends, and whether there is more behind it."""
    window = {
        "merchant_id": looking.merchant_id, "to_id": first_at(looking.now - SETTLED_AFTER), "most": STEPS,
    }  # fmt: skip
    steps, entries = await tx.all(
        (CHECKS.touched_by_audit, window | {"after": marks[0]}),
        (CHECKS.touched_by_entries, window | {"after": marks[1]}),
    )
    moved = {row.order_id for row in (*steps, *entries) if row.order_id is not None}
    ends = (_last(steps, marks[0]), _last(entries, marks[1]))
    return moved, ends, len(steps) == STEPS or len(entries) == STEPS


async def _prove(tx: Tx, looking: Looking, order_ids: Iterable[UUID]) -> list[Counterexample]:
    """Ask about the orders and all others of their purposes, a batch at a time."""
    ordered, broken = sorted(order_ids), list[Counterexample]()
    for at in range(0, len(ordered), BATCH):
        asked = await tx.rows(CHECKS.with_siblings, merchant_id=looking.merchant_id, order_ids=ordered[at : at + BATCH])
        broken += await prove_of(tx, looking.merchant_id, [row.order_id for row in asked])
    return broken


async def _found(tx: Tx, merchant_id: str, broken: Sequence[Counterexample]) -> list[Found]:
    """Counterexamples as findings, each with the order that it belongs to."""
    named = [(each.ref, UUID(name)) for each in broken if (name := _id_of(each.ref)) is not None]
    rows = await tx.rows(CHECKS.orders_of_rows, merchant_id=merchant_id, ids=[one for _, one in named]) if named else []
    orders: dict[str, UUID] = {row.ref: row.order_id for row in rows}
    orders |= {ref: one for ref, one in named if ref.startswith("order:")}
    found = {}
    for each in broken[:MOST_FOUND]:
        kind, about = _kind_of(each)
        detail = {"says": each.detail, "promise": each.query.partition("_")[0].upper(), "query": each.query}
        one = Found(kind, about, detail, orders.get(each.ref), evidence=(each.ref,))
        found[one.fingerprint] = one
    return [*found.values()]


def _kind_of(each: Counterexample) -> tuple[str, str]:
    """Which kind of finding a broken promise is, and what it is known by."""
    if each.query == "s10_one_accepted_delivery":
        # The same difference is found where the effect is delivered, by the same name.
        return "repeated_effect", each.ref.partition(":")[2].replace("-", "")
    return ("ledger_unbalanced" if each.query in _LEDGER else "invariant_broken"), f"{each.query}:{each.ref}"


def _id_of(ref: str) -> str | None:
    """The id in `order:<uuid>`; None for what has another name."""
    name = ref.partition(":")[2]
    try:
        return str(UUID(name))
    except ValueError:
        return None


def _read(mark: str | None) -> tuple[UUID, UUID]:
    steps, entries = (mark or f"{_NOTHING} {_NOTHING}").split(" ")
    return UUID(steps), UUID(entries)


def _last(rows: Sequence[Any], before: UUID) -> UUID:
    return UUID(rows[-1].mark) if rows else before
