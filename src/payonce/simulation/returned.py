"""Money that goes back: our rows, compared with the provider's own books, and what must have come of each in the end.

S9: no refund of ours exists twice. L7: once nothing goes wrong any more, every surplus is back at its payer, or
somebody's list says why it is not.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from payonce.domain.refund import SAID_NO
from payonce.domain.returning import RANK
from payonce.simulation.hosts import BEGINNING
from payonce.simulation.refund_witness import RefundWitness, scene_key
from payonce.simulation.scene import Scene
from payonce.simulation.truth import rows

# Not sent by us, so that the provider cannot have it.
NOT_SENT: Final = frozenset({"planned", "due", "cancelled"})
# What was failed is tried anew after a day at the most.
LONGEST_PAUSE: Final = timedelta(days=1)
HOLDS: Final = "hold"
# What no letter tells the next scan finds.
TOLD_WITHIN: Final = timedelta(minutes=15)


def compare_refunds(scene: Scene, witness: RefundWitness) -> None:
    """What is so at any time at which everything is quiet."""
    known = {row.refund_id: row for row in rows(scene, "refunds")}
    for refund_id, made in scene.providers.refunds_by_id().items():
        row = known.get(refund_id)
        if row is None:
            scene.break_promise("S9", made[0].id, "the provider sent money back by a refund that is written nowhere")
            continue
        who = f"{row.reason} of {scene_key(scene, row)}"
        if len(made) > 1:
            scene.break_promise("S9", who, f"one refund of ours went back {len(made)} times")
        for one in made:
            if (one.capture, one.amount_minor, one.currency) != (row.capture_ref, row.amount_minor, row.currency):
                scene.break_promise("S4", who, f"the provider sent back {one}, and we say {row.amount_minor}")
            if one.status != "failed" and row.state in NOT_SENT:
                scene.break_promise("S4", who, f"it is {row.state}, and the provider has sent it")
    for row in rows(scene, "refunding"):
        scene.break_promise("S4", f"order {row.order_id}", f"{row.left_minor} {row.currency} stand on refunding")
    _compare_days(scene, witness)
    _compare_told(scene)


def _compare_days(scene: Scene, witness: RefundWitness) -> None:
    """X6: what went back by itself is what was counted against the days' limits."""
    for row in rows(scene, "refund_days"):
        seen = witness.automatic[row.currency]
        if row.is_too_much or seen != row.automatic_minor:
            scene.break_promise(
                "X6", row.currency, f"{seen} went back by itself, and {row.automatic_minor} was counted"
            )


def _compare_told(scene: Scene) -> None:
    """S4: what others sent back is counted, within a quarter of an hour, whether or not a letter told of it."""
    stuck = {row.event_key for row in rows(scene, "events") if row.state != "applied" and row.state != "ignored"}
    known = {row.ref: row for row in rows(scene, "returns")}
    before = (BEGINNING + timedelta(seconds=scene.seconds) - TOLD_WITHIN).timestamp()
    for side in scene.providers:
        for seen in side.returns_seen(before):
            row = known.get(seen.ref)
            if seen.key in stuck:
                continue
            if row is None:
                scene.break_promise("S4", seen.ref, f"a {seen.nature} was told and is counted nowhere")
            elif seen.status is not None and RANK["refund"][row.status] < RANK["refund"][seen.status]:
                scene.break_promise("S4", seen.ref, f"it was told as {seen.status}, and we say {row.status}")


def check_returned(scene: Scene) -> None:
    """What must have come of every refund and of every surplus some days after the last fault."""
    known, found = rows(scene, "refunds"), {row.fingerprint for row in rows(scene, "refund_findings")}
    by_capture: dict[str, list[Any]] = {}
    for row in known:
        by_capture.setdefault(row.capture_ref, []).append(row)
        why = _what_is_wrong(scene, row, found)
        if why is not None:
            scene.break_promise("L9", f"{row.reason} of {scene_key(scene, row)}", f"{row.state}: {why}")
        scene.counts[f"refund {row.serves} {row.reason if row.asked_by == 'policy' else 'asked'} {row.state}"] += 1
    for surplus in rows(scene, "surplus"):
        if not _is_explained(scene, surplus, by_capture.get(surplus.ref, [])):
            scene.break_promise(
                "L7", surplus.ref, f"{surplus.left_minor} are surplus, {surplus.findings}, and nobody sends them back"
            )


def _what_is_wrong(scene: Scene, row: Any, found: set[str]) -> str | None:
    """Why a refund must not be as it is, or None."""
    made = scene.providers.refunds_by_id().get(row.refund_id, [])
    there = made[0].status if made else "nowhere"
    if row.state == "planned":
        return None if f"refund_planned:{row.refund_id.hex}" in found else "nobody is asked to approve it"
    if row.state == "in_doubt":
        return None if f"refund_in_doubt:{row.refund_id.hex}" in found else f"at the provider it is {there}"
    if row.state == "due":
        return None if _may_wait(scene, row) else f"it waits since {row.created_at}, until {row.due_at}"
    if row.state in ("sent", "succeeded"):
        wanted = {"sent": "pending"}.get(row.state, row.state)
        is_so = there == wanted or (there == "nowhere" and (row.decline or "").startswith("said done"))
        return None if is_so else f"at the provider it is {there}"
    if row.state in ("failed", "cancelled"):
        return None if there in ("nowhere", "failed") else f"at the provider it is {there}"
    return "it hangs"


def _may_wait(scene: Scene, row: Any) -> bool:
    """Whether an unsent refund waits for a reason: a dispute, the pause after a failure, an order that may go on."""
    now = BEGINNING + timedelta(seconds=scene.seconds)
    if row.is_disputed:
        return True
    longest = scene.policy.surplus.unfinished_after if row.reason == "unfinished" else LONGEST_PAUSE
    return bool(row.due_at > now and row.created_at + longest + timedelta(hours=1) > now)


def _is_explained(scene: Scene, surplus: Any, refunds: list[Any]) -> bool:
    """Whether somebody knows why a surplus is still here."""
    policy = scene.policy.surplus
    mine = [row for row in refunds if row.serves == "surplus"]
    if not surplus.findings:
        return False
    if not scene.providers.of(surplus.provider).sends_money_back:
        # A person must; somebody's list says so.
        return True
    if surplus.is_other_currency or any(row.state not in ("failed", "cancelled", "succeeded") for row in mine):
        return True
    if any((row.decline or "").startswith(SAID_NO) for row in mine) or "refund_failed" in surplus.findings:
        return True
    if HOLDS in (policy.second, policy.over, policy.late, policy.late_else, policy.unfinished):
        return True
    return scene.providers.of(surplus.provider).is_going_back(surplus.ref)
