"""What we believe, compared with those who know: the provider's books, the receivers' lists, what we acknowledged.

Asked when everything has become quiet. A difference is a violation of the promise that it breaks; who is right is never
us.
"""

from __future__ import annotations

from typing import Any

from payonce.simulation.provider import Money
from payonce.simulation.receiver import KINDS
from payonce.simulation.scene import CHECKS, Scene

KIND: dict[str, Any] = {kind.name: kind for kind in KINDS}


def rows(scene: Scene, name: str, **given: object) -> list[Any]:
    """The answer to a question of the harness."""
    [reply] = scene.line.ask((CHECKS[name], {"merchant_id": scene.merchant_id, **given}))
    return reply.rows


def compare(scene: Scene) -> None:
    """Compare everything that somebody else knows as well."""
    _compare_money(scene)
    _compare_acknowledged(scene)
    _compare_effects(scene)
    _check_troubles(scene)


def captured_there(scene: Scene) -> dict[tuple[str, str], Money]:
    """What each provider captured of ours, by its name and what the money came by."""
    return {(side.name, money.ref): money for side, money in scene.providers.captured()}


def _compare_money(scene: Scene) -> None:
    """S4, S21: all money of ours at a provider is a capture of the same amount, and nothing else is."""
    there = captured_there(scene)
    here = {(row.provider, row.ref): row for row in rows(scene, "captures")}
    for key, money in there.items():
        known, ref = here.get(key), money.ref
        if known is None:
            scene.break_promise("S21", ref, f"{key[0]} captured {money.amount_minor} and we know nothing of it")
        elif (known.captured_minor, known.currency) != (money.amount_minor, money.currency):
            scene.break_promise("S4", ref, f"{key[0]} captured {money.amount_minor}, we say {known.captured_minor}")
    for name, ref in here.keys() - there.keys():
        scene.break_promise("S4", ref, f"we say captured, and {name} does not")


def _compare_acknowledged(scene: Scene) -> None:
    """S12: nothing that was answered 2xx is missing, and what is kept was dealt with or is in somebody's list."""
    kept = {row.event_key: row for row in rows(scene, "events")}
    for key in scene.acknowledged:
        if key not in kept or kept[key].state is None:
            scene.break_promise("S12", key, "the event was acknowledged and is not kept")


def _compare_effects(scene: Scene) -> None:
    """S10, S20: what is done was accepted, once where it must be single."""
    accepted = scene.receiver.accepted
    effects = rows(scene, "effects")
    for row in effects:
        kind = KIND[row.kind]
        if kind.transactional:
            continue
        if row.state == "done" and not accepted[row.key]:
            scene.break_promise("S20", row.key, "the effect is done, and the receiver never saw it")
        if kind.on_unknown == "ask" and accepted[row.key] > 1 + scene.asked_again[row.key]:
            scene.break_promise("S10", row.key, f"the receiver was sent it {accepted[row.key]} times")
    owed = {row.key for row in effects}
    for key in accepted.keys() - owed:
        scene.break_promise("S11", key, "the receiver accepted what is not owed")
    _compare_tickets(scene, [row for row in effects if row.kind == "ticket"])


def _check_troubles(scene: Scene) -> None:
    """What jobs note of orders that they cannot work on is never an error of ours."""
    for row in rows(scene, "troubles"):
        if row.detail.get("code") == "bug":
            scene.break_promise("no error of ours", row.fingerprint, str(row.detail))


def _compare_tickets(scene: Scene, effects: list[Any]) -> None:
    """S10: what is written in our own database is there once, or once more for each time that a person asked again."""
    written = {row.order_id: row.tickets for row in rows(scene, "tickets")}
    for row in effects:
        found, is_done = written.pop(row.order_id, 0), row.state == "done"
        if not is_done <= found <= (1 + scene.asked_again[row.key] if is_done or scene.asked_again[row.key] else 0):
            scene.break_promise("S10", row.key, f"it is {row.state}, and written {found} times")
    for order_id in written:
        scene.break_promise("S11", f"ticket {order_id}", "it is written and was never owed")
