"""Money at risk, by the providers' own books: what came for a purpose, is not back, and serves none of its orders.

Somebody's list must name it within a quarter of an hour, and must not name it any more once it is gone. The monitor
looks as it does in life: as a job of its own, in some of the seeds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, Final

from payonce.simulation.checks import is_excepted_from_s7
from payonce.simulation.liveness import purposes_contested, purposes_processing
from payonce.simulation.scene import Scene
from payonce.simulation.truth import rows

# Kinds of findings that say that more came than serves.
SURPLUS: Final = frozenset({"second_charge", "over_payment"})
# What the monitor finds of things that hang. Once all is settled and it has looked, nothing does.
HANGING: Final = frozenset({"stuck_order", "invariant_broken"})
# How the monitor names what it says of S7: by the query, and by the attempt.
OF_S7: Final = "s7_next_attempt_only_after_a_dead_one:"


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
    """Some days later a surplus that is back is in nobody's list any more, and nothing is called stuck."""
    left = _left(scene)
    for row in rows(scene, "open_findings"):
        provider, ref = row.about.partition(":")[0], row.about.rpartition(":")[2]
        if row.kind in SURPLUS and left.get((provider, ref), 0) <= 0:
            scene.break_promise("S21", row.purpose, f"{row.kind} of {ref} stays open, and nothing of it is left")
        if row.about.startswith(OF_S7) and is_excepted_from_s7(scene, row.about.removeprefix(OF_S7)):
            continue
        if row.kind in HANGING and scene.is_monitored and not _may_hang(scene, row.purpose):
            scene.break_promise("L2", row.purpose, f"the monitor says {row.kind}, and nothing hangs")


def _may_hang(scene: Scene, purpose: str) -> bool:
    """Whether a payment is on its way, a person has to decide, or its payer has a page that nobody can call back."""
    story = next(one for one in scene.stories.values() if one.purpose == purpose)
    held = any(not side.can_cancel and side.able_to_bring_money(story.key) for side in scene.providers)
    return held or purpose in purposes_processing(scene) or purpose in purposes_contested(scene)


def _left(scene: Scene) -> dict[tuple[str, str], int]:
    """What of each money is neither back nor on its way back, by provider and reference. What a bank still has in hand
    counts as left: it may come back.
    """
    found = {}
    for side in scene.providers:
        back = side.went_back()
        for money in side.captured():
            is_back = not side.is_going_back(money.ref)
            found[side.name, money.ref] = money.amount_minor - (back[money.ref] if is_back else 0)
    return found


def _findings(scene: Scene) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows(scene, "open_findings"):
        found[row.purpose].append(row)
    return found
