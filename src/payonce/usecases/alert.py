"""Alert: tell people of findings that changed, once for each change and route (C17).

Changes become alerts, alerts that wait for one route about one kind become one message, the message is claimed, and
only after that COMMIT somebody is called. A worker that dies in between leaves a message that is `unknown`: it is shown
and counted, and never sent blindly again. Many workers may run this at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from payonce.base.errors import Unavailable
from payonce.domain.alert import LEASE, Change, Route
from payonce.domain.delivering import Outcome, OutcomeUnknown
from payonce.store.alerts import ALERTS, change_of
from payonce.store.database import Row, Tx
from payonce.usecases.alerting import Alerting
from payonce.usecases.claim_alerts import Claim, claim_alerts, end_claims
from payonce.usecases.note_alerts import announce_silences, note_changes
from payonce.usecases.record_alert import record_alert
from payonce.usecases.world import World

# Pauses between tries to record an answer; a failover takes from one to thirty seconds.
SHORTEST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Alerted:
    """What one step did: changes that became alerts, messages that were begun, and those that were sent at once."""

    noted: int = 0
    begun: int = 0
    sent: int = 0


async def alert(world: World, merchant_id: str, alerting: Alerting, limit: int = 500) -> Alerted:
    """Note what changed and tell what is due, one message for each route at a time. `limit`: changes noted at once.

    Raises Unavailable when the store does not answer before anybody was called; never for what a receiver does.
    """
    routes = alerting.serving(merchant_id)
    if not routes:
        return Alerted()
    todo = await _look(world, merchant_id)
    noted = 0
    if todo.silences:
        await announce_silences(world, merchant_id, routes, limit)
    if todo.changes:
        noted = await note_changes(world, merchant_id, routes, limit)
    if todo.messages or todo.waiting:
        for route, outcome, reason in await end_claims(world, merchant_id, alerting.routes, limit):
            alerting.heard(route, outcome, reason)
    if world.run is not None and world.run.stop_because:
        # A switch was pulled meanwhile: what was noted waits, and nothing is claimed.
        return Alerted(noted)
    if not (noted or todo.silences or todo.waiting or todo.messages):
        return Alerted(noted)
    return await _tell(world, merchant_id, alerting, routes, noted)


async def changes_to_tell(world: World, merchant_id: str, limit: int) -> list[Change]:
    """The changes of findings that are to be told, up to `limit`. Changes nothing."""

    async def work(tx: Tx) -> list[Change]:
        return [change_of(row) for row in await tx.rows(ALERTS.changes_to_tell, merchant_id=merchant_id, limit=limit)]

    return await world.database.transaction(work, name="changes_to_tell", read_only=True)


async def _look(world: World, merchant_id: str) -> Row:
    async def work(tx: Tx) -> Row:
        [[todo]] = await tx.all((ALERTS.anything_to_alert, {"merchant_id": merchant_id, "now": tx.now}))
        return todo

    return await world.database.transaction(work, name="anything_to_alert", read_only=True)


async def _tell(world: World, merchant_id: str, alerting: Alerting, routes: dict[str, Route], noted: int) -> Alerted:
    busy = set(alerting.apart.busy())
    free = {name: route for name, route in routes.items() if name not in busy and name in alerting.channels}
    claims = await claim_alerts(world, merchant_id, free, alerting.base_url)
    works = {claim.message.route: partial(_send, world, merchant_id, alerting, claim) for claim in claims}
    states = await alerting.apart.run(works) if works else []
    return Alerted(noted, len(claims), states.count("sent"))


async def _send(world: World, merchant_id: str, alerting: Alerting, claim: Claim) -> str:
    """Tell one message and record what became of it; the state it is in then."""
    route = alerting.routes[claim.message.route]
    try:
        outcome: Outcome = await alerting.channels[route.name].tell(claim.message)
    except Exception as error:
        # It may have arrived before something failed, so this says nothing.
        outcome = OutcomeUnknown(f"{type(error).__name__}: {error}"[:300])
    state = await _record(world, merchant_id, claim, route, outcome)
    alerting.heard(route.name, state, getattr(outcome, "reason", ""))
    return state


async def _record(world: World, merchant_id: str, claim: Claim, route: Route, outcome: Outcome) -> str:
    """Record what nobody will know a second time: a store that restarts is waited for, up to the lease."""
    pause, until = SHORTEST_WAIT_SECONDS, world.clock.now() + LEASE
    while True:
        try:
            return await record_alert(world, merchant_id, claim, route, outcome)
        except Unavailable as error:
            if (until - world.clock.now()).total_seconds() < pause:
                # Its lease ends, and whoever finds it then says that nobody knows.
                return f"unrecorded: {error.code}"
        await world.clock.sleep(pause)
        pause = min(2 * pause, LONGEST_WAIT_SECONDS)
