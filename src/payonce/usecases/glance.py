"""What an operator sees at a glance: what comes in, what waits, what is wrong, what stands still. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.list_effects import unfinished_effects
from payonce.usecases.list_findings import OpenFindings, count_open_findings
from payonce.usecases.list_jobs import JobView, list_jobs
from payonce.usecases.world import World

GLANCE: Final = queries.load("glance")
# Half an hour by the minute: long enough to see a change, and short enough to read from the newest events.
BUCKETS: Final = 30
BUCKET_SECONDS: Final = 60
# A busy shop's half hour has more; then the newest tell enough, and a frame stays a matter of milliseconds.
MOST_EVENTS: Final = 20_000
# A scheduled job that missed three of its times stands still, whatever the reason.
MISSED: Final = 3
SHORTEST_GRACE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When a provider last told something by itself (None: never), and how late the newest news were."""

    provider: str
    last_at: datetime | None
    p95_seconds: float | None


@dataclass(frozen=True, slots=True)
class Glance:
    """Everything of one merchant at an instant. `inflow`: events by minute, the oldest first."""

    at: datetime
    merchant_id: str
    inflow: Sequence[int]
    arrivals: Sequence[Arrivals]
    waiting_events: int
    oldest_event_at: datetime | None
    waiting_effects: int
    oldest_effect_at: datetime | None
    stopped_effects: Mapping[str, int]
    findings: Sequence[OpenFindings]
    paused: Sequence[JobView]
    late: Sequence[JobView]

    @property
    def at_risk(self) -> dict[str, int]:
        """The money that open findings are about, by currency, in minor units."""
        found: dict[str, int] = {}
        for each in self.findings:
            if each.currency and each.money_minor:
                found[each.currency] = found.get(each.currency, 0) + each.money_minor
        return found


async def glance(world: World, merchant_id: str) -> Glance:
    """Look at everything once."""
    providers = {provider for provider, _ in world.accounts_of(merchant_id)}

    async def work(tx: Tx) -> tuple[datetime, list[list[Row]]]:
        from_id = _first_id(tx.now - timedelta(seconds=BUCKETS * BUCKET_SECONDS))
        given = {"merchant_id": merchant_id}
        window = given | {"from_id": from_id, "most": MOST_EVENTS}
        read = await tx.all(
            (GLANCE.inflow, window | {"now": tx.now, "bucket_seconds": BUCKET_SECONDS}), (GLANCE.arrivals, window),
            (GLANCE.last_callbacks, given), (GLANCE.waiting_events, given),
        )  # fmt: skip
        return tx.now, read

    now, (inflow, arrivals, callbacks, [events]) = await world.database.transaction(work, name="glance", read_only=True)
    unfinished = await unfinished_effects(world, merchant_id)
    owed = [each for each in unfinished if each.state in ("pending", "claimed", "failed")]
    stopped = [each for each in unfinished if each.state in ("unknown", "held", "dead")]
    jobs = await list_jobs(world)
    counts = {row.bucket: row.events for row in inflow}
    return Glance(
        now, merchant_id, [counts.get(bucket, 0) for bucket in reversed(range(BUCKETS))],
        _arrivals(providers, arrivals, callbacks), events.events, events.oldest_at,
        sum(each.effects for each in owed), min((each.oldest_owed_at for each in owed), default=None),
        {state: sum(each.effects for each in stopped if each.state == state) for state in {e.state for e in stopped}},
        await count_open_findings(world, merchant_id),
        [job for job in jobs if job.switch is not None], [job for job in jobs if is_late(job, now)],
    )  # fmt: skip


def is_late(job: JobView, now: datetime) -> bool:
    """Whether a job that should run has not gone well for several of its times."""
    if job.switch is not None or job.state == "retired" or job.last_success_at is None:
        return False
    grace = max(MISSED * job.every_seconds, SHORTEST_GRACE_SECONDS)
    return (now - job.last_success_at).total_seconds() > grace


async def oldest_event_at(world: World, merchant_id: str) -> datetime | None:
    """Since when the oldest event waits that is not applied yet; for metrics."""

    async def work(tx: Tx) -> datetime | None:
        [[row]] = await tx.all((GLANCE.waiting_events, {"merchant_id": merchant_id}))
        found: datetime | None = row.oldest_at
        return found

    return await world.database.transaction(work, name="oldest_event", read_only=True)


def _arrivals(providers: set[str], arrivals: Sequence[Row], callbacks: Sequence[Row]) -> list[Arrivals]:
    seen = {row.provider: row for row in arrivals}
    before = {row.provider: row.last_at for row in callbacks}
    return [
        Arrivals(
            name,
            seen[name].last_at if name in seen else before.get(name),
            seen[name].p95_seconds if name in seen else None,
        )
        for name in sorted(providers | seen.keys() | before.keys())
    ]


def _first_id(at: datetime) -> UUID:
    """The smallest id that can have been made at an instant: ids begin with their milliseconds (UUIDv7)."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
