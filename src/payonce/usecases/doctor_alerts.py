"""What the doctor says about alerts: whether anybody is told, whether addresses lead somewhere, what is not known."""

from __future__ import annotations

from collections.abc import Mapping

from payonce.usecases.checks import Check, Facts
from payonce.usecases.list_alerts import routes_seen
from payonce.usecases.world import World


def route_checks(facts: Facts) -> list[Check]:
    """Whether anybody is told of findings, and of a service that stands still."""
    checks = []
    if not facts.alert_routes:
        hint = "Write [[alerts.routes]] into payonce.toml: docs/alerts.md."
        checks.append(Check("alerts", "warning", "nobody is told of findings", hint))
    for name, wrong in facts.alert_routes.items():
        if wrong:
            hint = "Correct its address, then: payonce alerts test " + name
            checks.append(Check("alerts", "wrong", f"the route {name} leads nowhere: {wrong}", hint))
        else:
            checks.append(Check("alerts", "ok", f"the route {name} has an address"))
    if facts.heartbeat_url is None:
        checks.append(
            Check(
                "heartbeat",
                "warning",
                "nobody notices when this service stands still",
                "Set PAYONCE_HEARTBEAT_URL to an address of a service that watches it.",
            )
        )
    else:
        checks.append(Check("heartbeat", "ok", "a service outside is called while all is well"))
    return checks


async def told_check(world: World, merchant_id: str, routes: Mapping[str, str], name: str) -> list[Check]:
    """Messages of a week that nobody knows to have arrived, and what waits for routes that are gone."""
    checks = []
    for route, seen in (await routes_seen(world, merchant_id)).items():
        unknown, dead = seen.states.get("unknown", 0), seen.states.get("dead", 0)
        if unknown or dead:
            says = f"of the route {route}, {unknown} messages of this week may not have arrived, {dead} did not"
            hint = "Look at them: payonce alerts list --state unknown. They are not sent again."
            checks.append(Check(name, "warning", says, hint))
        if seen.waiting and routes and route not in routes:
            hint = "It was renamed or removed; what waits is dropped after an hour."
            says = f"{seen.waiting} alerts wait for the route {route}, which is gone"
            checks.append(Check(name, "warning", says, hint))
    return checks or [Check(name, "ok", "every message of this week arrived")]
