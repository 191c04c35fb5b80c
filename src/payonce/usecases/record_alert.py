"""Record what became of a try at a message. That it arrived counts whenever it is told, a refusal only while its claim
holds."""

from __future__ import annotations

from datetime import datetime

from payonce.domain.alert import MACHINE, MOST_TRIES, Route, next_try
from payonce.domain.delivering import Accepted, NotAccepted, Outcome
from payonce.store.alerts import ALERTS, short
from payonce.store.database import Row, Tx
from payonce.usecases.claim_alerts import Claim
from payonce.usecases.world import World


async def record_alert(world: World, merchant_id: str, claim: Claim, route: Route, outcome: Outcome) -> str:
    """Record the outcome; the state of the message afterwards."""
    uniform = world.chance.uniform()

    async def work(tx: Tx) -> str:
        row = await tx.one(ALERTS.lock_message, merchant_id=merchant_id, message_id=claim.message_id)
        event = _event(row, claim, route, outcome) if row is not None else None
        if row is None or event is None:
            return str(row.state) if row is not None else "unknown"
        state = MACHINE.target(row.state, event)
        if state is None:
            return str(row.state)
        due = _due(row.tries, tx.now, uniform, outcome) if state == "failed" else None
        answer = outcome.answer if isinstance(outcome, Accepted) else outcome.reason
        tx.later(
            ALERTS.move_message, merchant_id=merchant_id, message_id=claim.message_id, state=state, due_at=due,
            now=tx.now, answer=short(answer),
        )  # fmt: skip
        return state

    return await world.database.transaction(work, name="record_alert")


def _event(row: Row, claim: Claim, route: Route, outcome: Outcome) -> str | None:
    """What the outcome says of a message as it stands now; None: nothing any more."""
    holds = row.state == "claimed" and row.fence == claim.fence
    if isinstance(outcome, Accepted):
        # It arrived, whoever holds the message now: another try would tell it twice.
        return "accepted" if row.state == "claimed" else "proven"
    if not holds:
        return None
    is_last = row.tries >= MOST_TRIES
    if isinstance(outcome, NotAccepted):
        return "gave_up" if outcome.is_final or is_last else "refused"
    if not route.resends:
        return "lost"
    return "gave_up" if is_last else "lost_resend"


def _due(tries: int, now: datetime, uniform: float, outcome: Outcome) -> datetime:
    wished = outcome.retry_after_seconds if isinstance(outcome, NotAccepted) else None
    return next_try(tries, now, uniform, wished)
