"""Prove: ask the database for a counterexample to every invariant. It reads, and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from payonce.domain.invariants import INVARIANTS, OF_THE_WHOLE, SMALL, Invariant, written_arrows
from payonce.store import queries
from payonce.store.database import Call, Query, Row, Tx
from payonce.usecases.world import World

QUERIES: Final = {
    query.name.partition(".")[2]: query
    for noun in (
        "invariants",
        "invariants_of_states",
        "invariants_of_stock",
        "invariants_of_refunds",
        "invariants_of_payouts",
    )
    for query in queries.load(noun)
}
SCOPE: Final = queries.load("invariants_scope")
# The same questions behind what narrows their tables to some orders.
SCOPED: Final = {
    name: Query(f"{query.name}_of_orders", f"{SCOPE.of_orders.sql}\n{query.sql}", query.why)
    for name, query in QUERIES.items()
    if name not in OF_THE_WHOLE
}
# Enough to see what is wrong; a broken promise usually has one cause and many rows.
MOST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Counterexample:
    """One row that should not be: `ref` is the kind of thing, a colon and its id; `query` is what found it."""

    query: str
    merchant_id: str
    ref: str
    detail: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Proof:
    """An invariant and what speaks against it; it holds where that is nothing."""

    invariant: Invariant
    counterexamples: tuple[Counterexample, ...]

    @property
    def holds(self) -> bool:
        return not self.counterexamples


async def prove(
    world: World,
    merchant_id: str | None = None,
    *,
    since: datetime | None = None,
    kinds: Collection[str] = (),
    limit: int = MOST_SHOWN,
    invariants: Sequence[Invariant] = INVARIANTS,
) -> AsyncIterator[Proof]:
    """One proof after the other, each query in a transaction of its own, so that none holds a snapshot for long.

    `merchant_id` None asks about every merchant; `kinds` are the fulfilments that every paid order must owe.
    """
    for invariant in invariants:
        found: list[Counterexample] = []
        for name in invariant.queries:
            found.extend(await _ask(world, name, merchant_id, since, kinds, limit))
        yield Proof(invariant, tuple(found))


async def prove_all(
    world: World, merchant_id: str | None = None, *, since: datetime | None = None, kinds: Collection[str] = ()
) -> list[Counterexample]:
    """Every counterexample to every invariant: what tests and simulations assert to be empty."""
    proofs = [proof async for proof in prove(world, merchant_id, since=since, kinds=kinds)]
    return [found for proof in proofs for found in proof.counterexamples]


async def _ask(
    world: World, name: str, merchant_id: str | None, since: datetime | None, kinds: Collection[str], limit: int
) -> list[Counterexample]:
    query = QUERIES[name]
    params = _params(query, merchant_id, since, kinds, limit)

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(query, **params)

    rows = await world.database.transaction(work, name="prove", read_only=True)
    return [Counterexample(name, row.merchant_id, row.ref, row.detail, row.since) for row in rows]


async def prove_of(
    tx: Tx, merchant_id: str, order_ids: Sequence[UUID], *, limit: int = MOST_SHOWN
) -> list[Counterexample]:
    """Ask every question about these orders alone, in one round trip: by the same text, at the cost of an index.

    What only the whole can answer is left out (`OF_THE_WHOLE`).
    """
    key = {"merchant_id": merchant_id, "order_ids": [*order_ids]}
    subjects = [row.subject_id for row in await tx.rows(SCOPE.subjects_of_orders, **key)]
    calls: list[Call] = []
    for query in SCOPED.values():
        params = _params(query, merchant_id, None, (), limit) | {"order_ids": [*order_ids]}
        calls.append((query, params | {"subject_ids": subjects} if "%(subject_ids)s" in query.sql else params))
    answers = await tx.all(*calls)
    return [
        Counterexample(name, row.merchant_id, row.ref, row.detail, row.since)
        for name, rows in zip(SCOPED, answers, strict=True)
        for row in rows
    ]


async def prove_small(tx: Tx, merchant_id: str, *, limit: int = MOST_SHOWN) -> list[Counterexample]:
    """Ask in whole what has few rows however many orders there are."""
    names = sorted(SMALL)
    answers = await tx.all(*((QUERIES[name], _params(QUERIES[name], merchant_id, None, (), limit)) for name in names))
    return [
        Counterexample(name, row.merchant_id, row.ref, row.detail, row.since)
        for name, rows in zip(names, answers, strict=True)
        for row in rows
    ]


def _params(
    query: Query, merchant_id: str | None, since: datetime | None, kinds: Collection[str], limit: int
) -> dict[str, object]:
    params: dict[str, object] = {"merchant_id": merchant_id, "since": since, "limit": limit}
    if "%(subjects)s" in query.sql:
        subjects, sources, events, targets = zip(*written_arrows(), strict=True)
        params |= {"subjects": [*subjects], "sources": [*sources], "events": [*events], "targets": [*targets]}
    if "%(kinds)s" in query.sql:
        params["kinds"] = sorted(kinds)
    return params
