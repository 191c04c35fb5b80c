"""The post: carries the provider's webhooks to our hosts, and keeps the list of what we acknowledged.

The provider signs them and decides when each goes; here they travel, arrive at some host, alone or with others, and the
answer travels back, or does not. Strangers' letters come the same way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from payonce.simulation.hosts import BEGINNING
from payonce.simulation.provider import Letter, Provider
from payonce.simulation.scene import Lost, Scene
from payonce.simulation.scheduler import MICRO
from payonce.usecases.acknowledge import acknowledgement_of
from payonce.usecases.answers import Received
from payonce.usecases.receive import Delivery, receive

# Providers give a receiver about ten seconds, then they try again.
PATIENCE_SECONDS: Final = 10.0
# An old signature is refused; ours allow five minutes, and hosts' clocks are apart.
REPLAYED_AFTER_SECONDS: Final = 20 * 60.0
TAKEN: Final = ("accepted", "duplicate")


class Post:
    """Everything on its way from one provider to us."""

    def __init__(self, scene: Scene, side: Provider) -> None:
        self._scene = scene
        self._side = side
        self._numbers: Counter[str] = Counter()
        self._planned: int | None = None
        # In some seeds letters wait for others so long, and are carried to us together.
        self._gather = (
            scene.day.gather_seconds if scene.draw.happens(scene.day.groups, "webhooks come in groups") else 0.0
        )

    def watch(self) -> None:
        """Look again when the provider has something to do: called whenever there may be news."""
        due = self._side.party.next_due()
        if due is None:
            return
        due += self._gather
        when = max(int((due - BEGINNING.timestamp()) * MICRO) + 1, self._scene.scheduler.now)
        if self._planned is None or when < self._planned:
            self._planned = when
            self._scene.scheduler.at(when, "provider", self._collect)

    def _collect(self) -> None:
        if self._planned is None or self._planned > self._scene.scheduler.now:
            # An earlier plan was made since, and has been carried out.
            return
        self._planned = None
        due = self._side.party.due_deliveries()
        groups = [due] if self._gather and len(due) > 1 else [[letter] for letter in due]
        for group in groups:
            if group:
                self._carry(group)
        self.watch()

    def _carry(self, group: Sequence[Any]) -> None:
        first = self._side.letter(group[0])
        name = f"{first.story}/{first.kind}"
        self._numbers[name] += 1
        key = f"{name}{self._numbers[name]}"
        self._scene.scheduler.spawn(key, first.story, "", self._deliver(key, first.story, group))

    async def _deliver(self, key: str, story: str, group: Sequence[Any]) -> None:
        deliveries = [self._delivery(outgoing.headers, outgoing.body) for outgoing in group]
        received = await self._hand_over(key, story, deliveries)
        for place, outgoing in enumerate(group):
            letter, verdict = self._side.letter(outgoing), received[place] if received else None
            if verdict is None:
                self._side.party.delivered(outgoing.delivery_id, None)
            else:
                self._take_back(outgoing, letter, verdict)
            self._mischief(key, story, outgoing, letter.kind)
        self.watch()

    def _take_back(self, outgoing: Any, letter: Letter, verdict: Received) -> None:
        """Carry our answer to the provider, in the words that its adapter has for it."""
        if verdict.verdict in TAKEN:
            self._scene.acknowledged[letter.key] = self._scene.scheduler.now
            if verdict.outcome == "applied" and verdict.reason == "open":
                self._scene.faults.saw("W5")
        world = next(iter(self._scene.hosts.values())).world
        said = acknowledgement_of(world, self._scene.merchant_id, verdict)
        self._side.party.delivered(outgoing.delivery_id, said.status, said.body)

    async def _hand_over(self, key: str, story: str, deliveries: Sequence[Delivery]) -> list[Received] | None:
        actor = self._scene.start(
            f"{key}/receive", story, lambda world: receive(world, self._scene.merchant_id, deliveries)
        )
        try:
            received: list[Received] = await self._scene.answer(actor, PATIENCE_SECONDS)
        except Lost:
            return None
        for one in received:
            self._scene.counts[f"Received.{one.verdict}.{one.outcome}.{one.reason}"] += 1
            if one.reason == "payment_unknown":
                self._scene.faults.saw("W7")
            if one.reason == "group_failed":
                # Nothing that a provider sends may make the settling fail; the store's own failures say `retry`.
                self._scene.break_promise("no error of ours", f"receive {one.type}", "its group could not be settled")
        return received

    def _mischief(self, key: str, story: str, outgoing: Any, kind: str) -> None:
        """What else may come because of a letter: the same change under another id, a changed body, a replay."""
        scene, side = self._scene, self._side
        if side.tells_twice and scene.faults.strikes("W6", story, f"twin {kind}"):
            side.twin(outgoing)
        if side.tells_twice and scene.faults.strikes("W6", story, f"changed {kind}"):
            side.change(outgoing)
        if scene.faults.strikes("X2", story, kind):
            scene.scheduler.spawn(f"{key}/replay", story, "", self._replay(f"{key}/replay", story, outgoing))
        if scene.faults.strikes("X1", story, kind):
            scene.scheduler.spawn(f"{key}/poison", story, "", self._poison(f"{key}/poison", story))

    async def _replay(self, key: str, story: str, outgoing: Any) -> None:
        await self._scene.rest(REPLAYED_AFTER_SECONDS)
        received = await self._hand_over(key, story, [self._delivery(outgoing.headers, outgoing.body)])
        if not self._side.refuses_old or self._scene.faults.rates["T2"]:
            return
        if received and received[0].verdict not in ("forged", "retry"):
            self._scene.break_promise("X2", key, f"an old signature was taken: {received[0].verdict}")

    async def _poison(self, key: str, story: str) -> None:
        is_only_strange = self._scene.draw.happens(0.5, "strange", key)
        headers, body, name = self._side.poison(re.sub("[^a-z0-9]", "_", key), is_only_strange=is_only_strange)
        received = await self._hand_over(key, story, [self._delivery(headers, body)])
        if received and received[0].verdict in TAKEN:
            # What has no name that can be read is kept by the hash of its bytes.
            self._scene.acknowledged[name or f"sha256:{sha256(body).hexdigest()}"] = self._scene.scheduler.now

    def _delivery(self, headers: Sequence[tuple[str, str]], body: bytes) -> Delivery:
        lower: dict[str, Any] = {name.lower(): value for name, value in headers}
        return Delivery(self._side.name, None, lower, body)
