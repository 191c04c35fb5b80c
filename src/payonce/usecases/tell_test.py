"""Send a test message to one route or to all, now, and say what became of it: the button next to a route.

It tells of no finding, is written to the audit, and is never tried again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from payonce.base import ids
from payonce.base.errors import Refused
from payonce.domain.delivering import Accepted, NotAccepted, Outcome, OutcomeUnknown
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.alerting import Alerting, Message
from payonce.usecases.world import World

BOOKS: Final = queries.load("books")


@dataclass(frozen=True, slots=True)
class Tested:
    """What became of a test message: `accepted`, `refused` or `unknown`, and what the receiver said."""

    route: str
    outcome: str
    says: str


async def tell_test(
    world: World, merchant_id: str, alerting: Alerting, *, by: str, route: str | None = None
) -> list[Tested]:  # fmt: skip
    """Tell a test message. Raises Refused `route_unknown` and, where there are none at all, `routes_missing`."""
    routes = alerting.serving(merchant_id)
    if not routes:
        raise Refused(
            "no route for alerts is configured", code="routes_missing", param="route",
            hint="Write [[alerts.routes]] into payonce.toml; docs/alerts.md says how.",
        )  # fmt: skip
    if route is not None and route not in routes:
        said = f"there is no route {route!r:.60}; there are {', '.join(routes)}"
        raise Refused(said, code="route_unknown", param="route", status=404)
    names = [route] if route is not None else list(routes)
    works = {name: partial(_tell, world, alerting, name, by) for name in names if name in alerting.channels}
    tested = [await work() for work in works.values()]
    await _note(world, merchant_id, by, tested)
    return tested


async def _tell(world: World, alerting: Alerting, route: str, by: str) -> Tested:
    message = Message(
        ids.show(ids.ALERT, world.ids.new()), route, "notice", "raised", "[test] payonce can reach you here",
        f"{by} asked for this test of the route {route}. Nothing is to be done.\n{alerting.base_url}",
        world.clock.now(), {"kind": "test", "severity": "notice", "count": 0, "findings": []},
    )  # fmt: skip
    try:
        outcome: Outcome = await alerting.channels[route].tell(message)
    except Exception as error:
        outcome = OutcomeUnknown(type(error).__name__)
    if isinstance(outcome, Accepted):
        return Tested(route, "accepted", outcome.answer)
    return Tested(route, "refused" if isinstance(outcome, NotAccepted) else "unknown", outcome.reason)


async def _note(world: World, merchant_id: str, by: str, tested: list[Tested]) -> None:
    made = [(world.ids.new(), world.ids.new()) for _ in tested]

    async def work(tx: Tx) -> None:
        tx.later(
            BOOKS.insert_audit, merchant_id=merchant_id, now=tx.now, actor=by[:60],
            audit_ids=[audit_id for audit_id, _ in made], subjects=["alert_test"] * len(tested),
            subject_ids=[subject_id for _, subject_id in made], sources=[""] * len(tested),
            events=["test"] * len(tested), targets=[each.outcome for each in tested],
            causes=[f"{each.route}: {each.says}"[:300] for each in tested],
        )  # fmt: skip

    await world.database.transaction(work, name="tell_test")
