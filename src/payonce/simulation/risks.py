"""Money at risk, by the providers' own books: what came for a purpose, is not back, and serves none of its orders.

Somebody's list must name it within a quarter of an hour, and must not name it any more once it is gone. The monitor
looks as it does in life: as a job of its own, in some of the seeds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, Final

from payonce.simulation.scene import Scene
from payonce.simulation.truth import rows

# Kinds of findings that say that more came than serves.
SURPLUS: Final = frozenset({"second_charge", "over_payment"})
# What the monitor finds of things that hang. Once all is settled and it has looked, nothing does.
HANGING: Final = frozenset({"order_stuck", "attempt_stuck", "event_stuck", "effect_stuck", "invariant_broken"})


def money_at_risk(scene: Scene) -> dict[str, Counter[str]]:
    """By purpose and currency, what came and is not back, beyond the order that it serves."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    went_back = {side.name: side.went_back() for side in scene.providers}
    for side, money in scene.providers.captured():
        story = scene.stories.get(scene.made[money.attempt_id] if money.attempt_id else "")
        if story is not None:
            found[story.purpose][money.currency] += money.amount_minor - went_back[side.name][money.ref]
    for order in rows(scene, "orders"):
        # A purpose has one at most of these.
        if order.state in ("open", "paid") and order.purpose in found:
            left = found[order.purpose][order.currency] - order.amount_minor
            found[order.purpose][order.currency] = max(0, left)
    return found


def check_risks(scene: Scene) -> None:
    """S21: what is at risk stands in an open finding."""
    found = _findings(scene)
    for purpose, sums in money_at_risk(scene).items():
        for currency, minor in sums.items():
            if minor > 0 and not found[purpose]:
                scene.break_promise("S21", purpose, f"{minor} {currency} serve nothing, and nobody's list says so")
                scene.counts["money at risk without a finding"] += 1
            elif minor > 0:
                scene.counts["money at risk with a finding"] += 1


def check_gone(scene: Scene) -> None:
    """Some days later a surplus that is gone is in nobody's list any more, and nothing is called stuck."""
    at_risk = money_at_risk(scene)
    for row in rows(scene, "open_findings"):
        if row.kind in SURPLUS and not any(at_risk[row.purpose].values()) and not _moves(scene, row.purpose):
            scene.break_promise("S21", row.purpose, f"{row.kind} stays open, and nothing of its money is left")
    if scene.is_monitored:
        for row in rows(scene, "monitor_findings"):
            if row.kind in HANGING:
                scene.break_promise("L2", str(row.fingerprint), f"the monitor says {row.kind}, and nothing hangs")


def _findings(scene: Scene) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows(scene, "open_findings"):
        found[row.purpose].append(row)
    return found


def _moves(scene: Scene, purpose: str) -> bool:
    """Whether a bank or somebody at a dashboard still has this money in hand: then it may come back."""
    story = next(one for one in scene.stories.values() if one.purpose == purpose)
    return any(side.is_going_back(money.ref) for side, money in scene.providers.captured_of(story.key))
