"""Count a run: whom it let be told, of what, and what was suppressed, from the rows that it wrote (A9).

The numbers of a run are never kept by hand: a report that says another count than was done is worse than none (X14).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from payonce.base.ids import RUN, show
from payonce.store.database import Tx
from payonce.store.findings import resolve_findings
from payonce.store.tallies import TALLIES
from payonce.usecases.run_context import RunContext
from payonce.usecases.world import World


@dataclass(frozen=True, slots=True)
class Told:
    """Effects of one kind that a run owed: in which state they are now and why, how many, and to how many people."""

    merchant_id: str
    kind: str
    occasion: str
    nature: str
    state: str
    reason: str | None
    effects: int
    people: int


@dataclass(frozen=True, slots=True)
class Moved:
    """Rows of one subject that a run led along an arrow: how often, and how many of them."""

    merchant_id: str
    subject: str
    event: str
    target: str
    steps: int
    subjects: int


@dataclass(frozen=True, slots=True)
class RunCount:
    """What a run did, by its rows. `messages` and `people`: notifications that were sent or will be, and to how many
    people; `suppressed`: those that nobody gets.
    """

    touched: int
    messages: int
    people: int
    suppressed: int
    told: tuple[Told, ...]
    moved: tuple[Moved, ...]


async def read_run(world: World, run_id: UUID, merchants: Sequence[str]) -> RunCount:
    """What the run did as its rows say now: a message that was pending then may be done by now."""
    given = {"run_id": run_id, "merchants": list(merchants)}

    async def load(tx: Tx) -> RunCount:
        tally, told, people, moved = await tx.all(
            (TALLIES.read_tally, {"run_id": run_id}), (TALLIES.messages_of_run, given),
            (TALLIES.people_of_run, given), (TALLIES.orders_of_run, given),
        )  # fmt: skip
        rows = [Told(*row) for row in told]
        notices = [row for row in rows if row.nature == "notification"]
        return RunCount(
            tally[0].touched if tally else 0,
            sum(row.effects for row in notices if row.state != "suppressed"),
            people[0].people,
            sum(row.effects for row in notices if row.state == "suppressed"),
            tuple(rows), tuple(Moved(*row) for row in moved),
        )  # fmt: skip

    return await world.database.transaction(load, name="count_run", read_only=True)


async def close_breaker(world: World, run: RunContext, merchants: Sequence[str]) -> None:
    """Close the finding that the job's breaker tripped, where one is open: a later run of it went well."""
    fingerprint = f"job_breaker:{run.job}"
    given = {"merchants": list(merchants), "fingerprint": fingerprint}

    async def load(tx: Tx) -> list[str]:
        return [row.merchant_id for row in await tx.rows(TALLIES.open_breakers, **given)]

    async def work(tx: Tx) -> None:
        for merchant_id in found:
            resolve_findings(tx, merchant_id, [fingerprint], f"{show(RUN, run.run_id)} went well")

    found = await world.database.transaction(load, name="open_breakers", read_only=True)
    if found:
        await world.database.transaction(work, name="close_breaker")


async def count_run(world: World, run: RunContext, merchants: Sequence[str]) -> None:
    """Put the numbers of the run's rows into its counters and its report, before it ends."""
    if not run.is_armed:
        # It wrote nothing.
        return
    counted = await read_run(world, run.run_id, merchants)
    run.taken = max(run.taken, counted.touched)
    run.messages, run.people_before, run.suppressed = counted.messages, counted.people, counted.suppressed
    run.report["messages"] = [
        {
            "kind": row.kind, "state": row.state, "reason": row.reason, "count": row.effects, "people": row.people,
        }
        for row in counted.told
        if row.nature == "notification"
    ]  # fmt: skip
