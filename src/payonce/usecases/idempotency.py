"""Idempotency keys of the API: one request, one answer, whoever sends it how often.

Only an answer that changed something is kept. A refusal changed nothing, so the same key may be sent again; an error of
ours is not frozen, because what stands behind every route can itself be repeated. A running request holds a lease: when
its caller dies, the next one with the same key does the work again, and the dead one can no longer finish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from payonce.base.errors import Refused, ensure
from payonce.store import queries
from payonce.store.database import Awaited, Row, Tx
from payonce.usecases.world import World

API: Final = queries.load("api")
# The longest honest request makes two calls of 20 s; who repeats that of a process that died is let in within a minute.
LEASE: Final = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request with a key. `fingerprint` is a hash of route and body: a key belongs to one request only."""

    merchant_id: str
    key: str
    route: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Fresh:
    """Nobody has answered this request; the caller does, and then finishes or forgets it with this fence."""

    fence: int


@dataclass(frozen=True, slots=True)
class Replay:
    """It was answered before: the same status and the same bytes."""

    status: int
    answer: bytes


@dataclass(frozen=True, slots=True)
class Running:
    """Somebody is answering it at this moment."""

    retry_after_seconds: float


async def begin_request(world: World, request: Keyed) -> Fresh | Replay | Running:
    """Claim the key for this request. Raises Refused `idempotency_key_reused` when it came with another body before."""
    # The fraction of a second is chance, so that it tells our own row from another's when a COMMIT was not confirmed
    # and the closure runs again.
    lease_until = world.clock.now() + LEASE + timedelta(microseconds=int(world.chance.uniform() * 1_000_000))

    async def work(tx: Tx) -> Fresh | Replay | Running:
        claimed, found = await tx.all(
            (API.begin_request, _row(request) | {"state": "running", "lease_until": lease_until, "now": tx.now}),
            (API.lock_request, _named(request)),
        )
        [row] = found
        if claimed:
            return Fresh(claimed[0].fence)
        if refused := _reused(request, row):
            raise refused
        if row.state == "done":
            tx.later(API.touch_request, **_named(request))
            return Replay(row.status, bytes(row.answer)) if row.answer is not None else Fresh(row.fence)
        if row.lease_until == lease_until:
            return Fresh(row.fence)
        # One that lasts longer than any was taken by a host whose clock is ahead; repeating the work harms nothing.
        if tx.now < row.lease_until <= tx.now + 2 * LEASE:
            return Running((row.lease_until - tx.now).total_seconds())
        tx.later(API.take_over_request, **_named(request), fence=row.fence + 1, lease_until=lease_until)
        return Fresh(row.fence + 1)

    return await world.database.transaction(work, name="begin_request")


async def finish_request(
    world: World, request: Keyed, fence: int, status: int, answer: bytes, order_id: UUID | None = None
) -> None:
    """Keep the answer; nothing where the lease was lost to another caller, who answers the same."""

    async def work(tx: Tx) -> None:
        tx.later(
            API.finish_request, **_named(request), fence=fence, status=status, answer=answer, order_id=order_id
        )  # fmt: skip

    await world.database.transaction(work, name="finish_request")


async def forget_request(world: World, request: Keyed, fence: int) -> None:
    """Free the key of a request that was refused or failed."""

    async def work(tx: Tx) -> None:
        tx.later(API.forget_request, **_named(request), fence=fence)

    await world.database.transaction(work, name="forget_request")


async def hold_bodies(world: World, merchant_id: str, requests: Sequence[Keyed]) -> list[Refused | None]:
    """Only bind keys to these requests of one merchant, where answers are always computed afresh (checkout, refresh).

    Any number of callers may come at once; all of them are one transaction of one round trip. For each request None, or
    Refused `idempotency_key_reused` as `begin_request` raises it.
    """

    firsts: dict[str, Keyed] = {}
    for request in requests:
        firsts.setdefault(request.key, request)
    named = {"merchant_id": merchant_id, "keys": [*firsts]}

    async def work(tx: Tx) -> Awaited:
        tx.later(
            API.bind_requests, **named, fingerprints=[each.fingerprint for each in firsts.values()],
            routes=[each.route for each in firsts.values()], now=tx.now,
        )  # fmt: skip
        return tx.read_later(API.read_requests, **named)

    asked = await world.database.transaction(work, name="hold_bodies")
    bound = {row.idempotency_key: row for row in asked.rows}
    ensure(bound.keys() == firsts.keys(), "an idempotency key vanished")
    return [_reused(request, bound[request.key]) for request in requests]


def _reused(request: Keyed, row: Row) -> Refused | None:
    """What is wrong with a key that came with another body before."""
    if bytes(row.fingerprint) == request.fingerprint:
        return None
    return Refused(
        "this idempotency key was sent before with another request", code="idempotency_key_reused",
        param="Idempotency-Key", hint="Make a new key for every new request; repeat a key only with the same body.",
    )  # fmt: skip


def _named(request: Keyed) -> dict[str, object]:
    return {"merchant_id": request.merchant_id, "key": request.key}


def _row(request: Keyed) -> dict[str, object]:
    return _named(request) | {"fingerprint": request.fingerprint, "route": request.route}
