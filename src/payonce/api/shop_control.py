"""The shop's buttons for trouble: they tell the simulated providers to misbehave. There is no way from here to a real
one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final
from uuid import UUID

import httpx2

from payonce.api.edge import Edge
from payonce.api.settings import Simulator
from payonce.api.words import listed, name_of
from payonce.base.errors import Refused, Unavailable
from payonce.usecases.list_events import list_events

SECONDS: Final = 5.0
# The shop opens without knowing what is wrong sooner than it waits for it.
LOOK_SECONDS: Final = 1.0
RESEND: Final = "resend"
# name -> (label, what it does from now on, [(method, control, body), …])
Control = tuple[str, str, dict[str, Any]]
ACTS: Final[dict[str, tuple[str, str, list[Control]]]] = {
    "double": ("Send every webhook twice", "From now on every webhook comes twice.",
               [("POST", "delivery_faults", {"types": "*", "kind": "duplicate", "times": None})]),
    "lose": ("Lose all webhooks", "From now on no webhook comes; the providers are asked instead.",
             [("POST", "delivery_faults", {"types": "*", "kind": "lose", "times": None})]),
    "break": ("Let the next call fail", "Each provider answers its next call with an error.",
              [("POST", "faults", {"operation": "*", "kind": "error_500", "times": 1})]),
    "clear": ("Behave again", "The providers behave again.", [("DELETE", "faults", {})]),
}  # fmt: skip
# What is in force, by the kind of a fault; others are named by their kind.
IN_FORCE: Final = {
    "duplicate": "every webhook comes twice",
    "lose": "no webhook comes",
    "error_500": "the next call fails",
}


async def act(edge: Edge, name: str, order_id: UUID | None) -> str:
    """Do it at every simulator; what was done, in a sentence. Raises Refused `act_unknown`, Unavailable
    `simulator_silent`.
    """
    simulators = edge.settings.simulators
    if not simulators or (name not in ACTS and name != RESEND):
        raise Refused("there is no such button", code="act_unknown", param="act")
    if name == RESEND:
        events = await _events(edge, order_id)
        for simulator in simulators:
            keys = [key for provider, key in events if provider == simulator.provider]
            await _tell(simulator, [("POST", f"events/{key}/resend", {}) for key in keys])
        return f"{len(events)} webhooks are sent again"
    _, said, calls = ACTS[name]
    for simulator in simulators:
        await _tell(simulator, calls)
    return said


async def faults_in_force(edge: Edge) -> list[str]:
    """What goes wrong from now on, in sentences, each with the providers that it is about."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for simulator in edge.settings.simulators:
        for said in await _in_force(simulator):
            found[said].append(name_of(simulator.provider))
    return [f"{listed(names)}: {said}." for said, names in found.items()]


async def _in_force(simulator: Simulator) -> list[str]:
    try:
        async with httpx2.AsyncClient(base_url=f"{simulator.control_url}/_sim/", timeout=LOOK_SECONDS) as client:
            told = (await client.get("faults")).raise_for_status().json()
    except httpx2.HTTPError:
        return ["the simulator does not answer"]
    kinds = [rule["kind"] for rule in told["deliveries"] if rule["times"] != 0]
    kinds += [rule["fault"]["kind"] for rule in told["calls"] if rule["times"] != 0]
    return [IN_FORCE.get(kind, kind.replace("_", " ")) for kind in dict.fromkeys(kinds)]


async def _tell(simulator: Simulator, calls: list[Control]) -> None:
    try:
        async with httpx2.AsyncClient(base_url=f"{simulator.control_url}/_sim/", timeout=SECONDS) as client:
            for method, path, body in calls:
                await client.request(method, path, json=body if method == "POST" else None)
    except httpx2.HTTPError as error:
        raise Unavailable("the simulator does not answer", code="simulator_silent") from error


async def _events(edge: Edge, order_id: UUID | None) -> list[tuple[str, str]]:
    """The provider and its name of each event that came for the order by webhook."""
    if order_id is None:
        return []
    found = await list_events(edge.world, edge.settings.merchant_id, order_id=order_id, limit=50)
    return [(event.provider, event.key) for event in found if event.source == "webhook"]
