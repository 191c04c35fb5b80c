"""Read what a notice tells of, at providers whose notices prove nothing by themselves: they have no age and no order.

Only the read is believed. The notice says which object to ask for, and whose it is where the object itself does not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from payonce.domain.observation import Observation, PaymentSeen
from payonce.providers.contract import Done, NotDone, Verified
from payonce.providers.gateway import ProviderLooker
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.tell import UNREAD, Became
from payonce.usecases.world import World

EVENTS: Final = queries.load("events")
# The provider gave no answer, or its answer is older than the notice.
FAILED: Final = "read_failed"
BEHIND: Final = "read_behind"
READ_REASONS: Final = (FAILED, BEHIND, UNREAD)


async def read_what_it_tells(world: World, merchant_id: str, event_id: UUID) -> Verified | Became | None:
    """What the provider says of the event's objects now; why that is not known; None where the event is believed."""

    async def load(tx: Tx) -> tuple[ProviderLooker, Verified] | None:
        row = await tx.one(EVENTS.event_to_read, merchant_id=merchant_id, event_id=event_id)
        if row is None or row.source != "webhook":
            return None
        till = world.looker(row.provider, row.account)
        if not till.capabilities.confirm_by_read:
            return None
        said = till.again(bytes(row.body), "webhook")
        return (till, said) if isinstance(said, Verified) and said.handled and said.observations else None

    found = await world.database.transaction(load, name="event_to_read", read_only=True)
    if found is None:
        return None
    till, said = found
    fresh: list[Observation] = []
    for told in said.observations:
        if not isinstance(told.seen, PaymentSeen):
            # What went back is told by the same object as what came in.
            continue
        outcome = await till.read(told.seen.ref)
        if not isinstance(outcome, Done):
            why = outcome.code if isinstance(outcome, NotDone) else outcome.reason
            return Became("failed", f"{FAILED}: {why}"[:200])
        mine = [_with_owner(one, told.seen) for one in outcome.observations]
        if _is_behind(mine, told.seen):
            return Became("failed", BEHIND)
        fresh.extend(mine)
    return replace(said, observations=tuple(fresh))


def _with_owner(read: Observation, told: PaymentSeen) -> Observation:
    """The observation, with what only the signed notice says of whose it is."""
    seen = read.seen
    if not isinstance(seen, PaymentSeen) or seen.ref != told.ref:
        return read
    owner = seen.attempt_id or told.attempt_id
    return replace(read, seen=replace(seen, attempt_id=owner, parent=seen.parent or told.parent))


def _is_behind(read: list[Observation], told: PaymentSeen) -> bool:
    """Whether the read shows less money than the notice: a copy that lags, or a notice that is not to be believed."""
    shown = [one.seen.captured_minor for one in read if isinstance(one.seen, PaymentSeen) and one.seen.ref == told.ref]
    return max(shown, default=0) < told.captured_minor
