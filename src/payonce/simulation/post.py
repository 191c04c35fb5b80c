"""The post: carries the provider's webhooks to our hosts, and keeps the list of what we acknowledged.

The provider signs them and decides when each goes; here they travel, arrive at some host, alone or with others, and the
answer travels back, or does not. Strangers' letters come the same way.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from payonce.providers.simulator.signing import stripe_signature
from payonce.providers.simulator.stripe.deliveries import Outgoing
from payonce.simulation.hosts import BEGINNING
from payonce.simulation.provider import NOBODY, OK
from payonce.simulation.scene import Lost, Scene
from payonce.simulation.scheduler import MICRO
from payonce.usecases.answers import Received
from payonce.usecases.receive import Delivery, receive

# Providers give a receiver about ten seconds, then they try again.
PATIENCE_SECONDS: Final = 10.0
# An old signature is refused; ours allow five minutes, and hosts' clocks are apart.
REPLAYED_AFTER_SECONDS: Final = 20 * 60.0
STATUS: Final = {"accepted": 200, "duplicate": 200, "forged": 400, "retry": 503}


class Post:
    """Everything on its way from the provider to us. `secret` signs what strangers' letters pretend."""

    def __init__(self, scene: Scene, secret: str) -> None:
        self._scene = scene
        self._secret = secret
        self._numbers: Counter[str] = Counter()
        self._planned: int | None = None
        # In some seeds letters wait for others so long, and are carried to us together.
        self._gather = (
            scene.day.gather_seconds if scene.draw.happens(scene.day.groups, "webhooks come in groups") else 0.0
        )

    def watch(self) -> None:
        """Look again when the provider has something to do: called whenever there may be news."""
        due = self._scene.provider.stripe.next_due()
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
        due = self._scene.provider.stripe.due_deliveries()
        groups = [due] if self._gather and len(due) > 1 else [[letter] for letter in due]
        for group in groups:
            if group:
                self._carry(group)
        self.watch()

    def _carry(self, group: Sequence[Outgoing]) -> None:
        first = group[0]
        story = self._story(first)
        name = f"{story}/{first.event_type}"
        self._numbers[name] += 1
        key = f"{name}{self._numbers[name]}"
        self._scene.scheduler.spawn(key, story, "", self._deliver(key, story, group))

    async def _deliver(self, key: str, story: str, group: Sequence[Outgoing]) -> None:
        deliveries = [_delivery(letter.headers, letter.body) for letter in group]
        received = await self._hand_over(key, story, deliveries)
        for place, letter in enumerate(group):
            verdict = received[place] if received else None
            status = STATUS[verdict.verdict] if verdict is not None else None
            if verdict is not None and status == 200:
                self._scene.acknowledged[letter.event_id] = self._scene.scheduler.now
                if verdict.outcome == "applied" and verdict.reason == "open":
                    self._scene.faults.saw("W5")
            self._scene.provider.stripe.delivered(letter.delivery_id, status)
            self._mischief(key, story, letter)
        self.watch()

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

    def _mischief(self, key: str, story: str, letter: Outgoing) -> None:
        """What else may come because of a letter: the same change under another id, a changed body, a replay."""
        scene, webhooks = self._scene, self._scene.provider.stripe.webhooks
        if scene.faults.strikes("W6", story, f"twin {letter.event_type}"):
            webhooks.twin(letter.event_id)
        if scene.faults.strikes("W6", story, f"changed {letter.event_type}"):
            webhooks.resend(letter.event_id, {"description": "changed on its way"})
        if scene.faults.strikes("X2", story, letter.event_type):
            scene.scheduler.spawn(f"{key}/replay", story, "", self._replay(f"{key}/replay", story, letter))
        if scene.faults.strikes("X1", story, letter.event_type):
            scene.scheduler.spawn(f"{key}/poison", story, "", self._poison(f"{key}/poison", story))

    async def _replay(self, key: str, story: str, letter: Outgoing) -> None:
        await self._scene.rest(REPLAYED_AFTER_SECONDS)
        received = await self._hand_over(key, story, [_delivery(letter.headers, letter.body)])
        if received and received[0].verdict not in ("forged", "retry") and not self._scene.faults.rates["T2"]:
            self._scene.break_promise("X2", key, f"an old signature was taken: {received[0].verdict}")

    async def _poison(self, key: str, story: str) -> None:
        is_only_strange = self._scene.draw.happens(0.5, "strange", key)
        name = re.sub("[^a-z0-9]", "_", key)
        strange = {"type": "customer.created", "livemode": False, "data": {"object": {"object": "customer"}}}
        poison = {"type": 7, "data": None}
        body = json.dumps({"object": "event", "id": f"evt_{name}", **(strange if is_only_strange else poison)}).encode()
        now = int(self._scene.provider.clock.now().timestamp())
        headers = (("Stripe-Signature", stripe_signature((self._secret,), now, body)),)
        received = await self._hand_over(key, story, [_delivery(headers, body)])
        if received and STATUS[received[0].verdict] == OK:
            # What has no name that can be read is kept by the hash of its bytes.
            kept_as = f"evt_{name}" if is_only_strange else f"sha256:{sha256(body).hexdigest()}"
            self._scene.acknowledged[kept_as] = self._scene.scheduler.now

    def _story(self, letter: Outgoing) -> str:
        event = self._scene.provider.stripe.books.events.get(letter.event_id)
        return self._scene.provider.story_of_event(event) if event is not None else NOBODY


def _delivery(headers: Sequence[tuple[str, str]], body: bytes) -> Delivery:
    lower: dict[str, Any] = {name.lower(): value for name, value in headers}
    return Delivery("stripe", None, lower, body)
