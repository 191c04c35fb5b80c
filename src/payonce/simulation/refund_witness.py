"""The witness of refunds: looks at every step of those who send money back, in the instant in which it is committed.

What is decided then cannot be seen later any more: whether all money of the purpose was read since the refund was taken
up, whether so much was left, whether a bank disputed it, and whether the one who records is still the one who holds it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from payonce.domain.refund import POLICY
from payonce.simulation.scene import Scene
from payonce.simulation.scheduler import Actor
from payonce.simulation.truth import rows

# The transactions of the refund worker, by what they are to the one who holds a refund.
TAKES: Final = "take_refund"
BEGINS: Final = "begin_refund"
RECORDS: Final = ("refunded", "follow_refund")
# An instant in which a refund is at rest, or its end was told by somebody else.
UNSETTLED: Final = ("due", "sending", "in_doubt")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who took a refund up last, by which fencing token, and which payments of the purpose he has to read."""

    actor: str
    fence: int
    to_read: frozenset[str]
    has_begun: bool = False


class RefundWitness:
    """Everything that is to be remembered between two steps. `automatic`: what the policy began, by currency."""

    def __init__(self, scene: Scene) -> None:
        self.automatic: Counter[str] = Counter()
        self._scene = scene
        self._fences: dict[UUID, int] = {}
        self._begun: set[UUID] = set()
        self._holders: dict[UUID, Holder] = {}

    def committed(self, actor: Actor, name: str) -> None:
        """Look at what a transaction of the refund worker left."""
        if name == TAKES:
            self._took(actor)
        elif name == BEGINS or name in RECORDS:
            leases = rows(self._scene, "refund_leases")
            for row in leases:
                self._check_lease(actor, row)
            self._let_go(actor, {row.refund_id for row in leases if self._is_being_sent(actor, row)})

    def _took(self, actor: Actor) -> None:
        for row in rows(self._scene, "refund_leases"):
            if row.fence > self._fences.get(row.refund_id, 0):
                self._fences[row.refund_id] = row.fence
                to_read = frozenset(each.ref for each in rows(self._scene, "purposes_money", purpose=row.purpose))
                self._holders[row.refund_id] = Holder(actor.key, row.fence, to_read)
                self._scene.providers.around.read_by[actor.key] = set()

    def _is_being_sent(self, actor: Actor, row: Any) -> bool:
        """Whether the actor began to send this refund; then it is checked, once, whether it may."""
        holder = self._holders.get(row.refund_id)
        if holder is None or holder.actor != actor.key or holder.fence != row.fence or row.state != "sending":
            return False
        if not holder.has_begun:
            self._holders[row.refund_id] = replace(holder, has_begun=True)
            [whole] = [one for one in rows(self._scene, "refunds") if one.refund_id == row.refund_id]
            self._check_begun(actor, whole, holder)
        return True

    def _check_begun(self, actor: Actor, row: Any, holder: Holder) -> None:
        scene, who = self._scene, f"{row.reason} of {scene_key(self._scene, row)}"
        if row.left_minor < 0:
            scene.break_promise("S9", who, f"{actor.key} begins to send {row.amount_minor}, {-row.left_minor} too much")
        if row.is_disputed:
            scene.break_promise("S9", who, f"{actor.key} begins to send money back that a bank disputes")
        can_tell_of = scene.providers.can_tell_of
        if not row.is_confirmed and (row.asked_by == POLICY or can_tell_of(row.capture_ref)):
            scene.break_promise("S9", who, f"{actor.key} begins to send money back that no read has confirmed")
        unread = {ref for ref in holder.to_read - scene.providers.around.read_by[actor.key] if can_tell_of(ref)}
        if unread:
            scene.break_promise("S9", who, f"{actor.key} begins without having read {sorted(unread)}")
        if row.refund_id not in self._begun and row.asked_by == POLICY:
            self.automatic[row.currency] += row.amount_minor
            if row.amount_minor > scene.policy.surplus.refund_at_most_minor.get(row.currency, 0):
                scene.break_promise("X6", who, f"{row.amount_minor} {row.currency} go back by themselves")
        self._begun.add(row.refund_id)

    def _check_lease(self, actor: Actor, row: Any) -> None:
        """Whoever lost a refund to another must not touch what that one holds."""
        holder = self._holders.get(row.refund_id)
        if holder is None or holder.actor == actor.key or holder.fence != row.fence:
            return
        if row.lease_until is None and row.state in UNSETTLED:
            who = f"refund of {scene_key(self._scene, row)}"
            self._scene.break_promise("one caller", who, f"{actor.key} ended the lease that {holder.actor} has")

    def _let_go(self, actor: Actor, but: set[UUID]) -> None:
        for refund_id, holder in list(self._holders.items()):
            if holder.actor == actor.key and refund_id not in but:
                del self._holders[refund_id]


def scene_key(scene: Scene, row: Any) -> str:
    """The story that a refund belongs to, for the trace: ids say nothing to people."""
    return scene.made.get(row.attempt_id) or str(row.purpose)
