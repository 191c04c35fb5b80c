"""payonce's transport in the simulation: a turn before and after each call, and eyes on who calls what beside whom."""

from __future__ import annotations

import re
from typing import Final

from payonce.base.errors import ensure
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.transport import Answer, Request, Unreachable
from payonce.simulation.hosts import HostClock
from payonce.simulation.provider import Provider
from payonce.simulation.scheduler import MICRO, Actor, Wait, give_way
from payonce.store.database import in_transaction

CALL_SECONDS: Final = 0.15
# Within this time of a create nobody else may send it too; the lease is 30 s, and hosts' clocks are a little apart.
BESIDE_SECONDS: Final = 25.0
# Who sends money back is known by his lane; he stands still so long at most, and others may take his work up meanwhile.
REFUNDS_LANE: Final = "/refunds"
STANDS_SECONDS: Final = 400.0
# Who may make something payable: a person's click on Pay, and nobody else.
_CLICKS: Final = re.compile(r".+/click\d+")


class Till:
    """The way from one host to one provider. Refuses to be used inside a transaction."""

    def __init__(self, provider: Provider, clock: HostClock) -> None:
        self._provider = provider
        self._around = provider.around
        self._direct = DirectTransport(provider.party, clock)

    async def send(self, request: Request) -> Answer:
        """Send, and answer or raise Unreachable."""
        provider, around = self._provider, self._around
        actor = around.scheduler.acting()
        ensure(not in_transaction(), "the provider was called inside a transaction")
        what, key = provider.what(request), provider.key_of(request)
        if what in provider.creates and not _CLICKS.fullmatch(actor.key):
            around.on_made_unasked(actor.key, f"{what}, and nobody had clicked on Pay")
        if key is not None:
            self._watch_creates(actor, key)
            self._watch_age(actor, key)
        await around.boundaries.suffer(actor, f"{actor.key} {what} before")
        await give_way(Wait(around.draw.latency(CALL_SECONDS / 2, "call", actor.key, actor.turns)))
        is_returning = actor.story.endswith(REFUNDS_LANE)
        if is_returning:
            self._meddle(actor, what, request)
        try:
            answer = await self._direct.send(request)
        except Unreachable as silence:
            around.scheduler.note("unanswered", actor.key, what, silence.reason)
            provider.creating.pop(key, None)
            raise
        around.scheduler.note("called", actor.key, what, answer.status)
        around.read_by.setdefault(actor.key, set()).update(provider.read_in(request, answer))
        await around.boundaries.suffer(actor, f"{actor.key} {what} after")
        await give_way(Wait(around.draw.latency(CALL_SECONDS / 2, "answer", actor.key, actor.turns)))
        if is_returning and provider.sends_back(request):
            await self._stand(actor, text_of(request))
        provider.creating.pop(key, None)
        return answer

    def _meddle(self, actor: Actor, what: str, request: Request) -> None:
        """Just before a refund is looked at or sent: let others send the money back, and let who stood still go on."""
        text, around = text_of(request), self._around
        story = self._provider.story_of_text(text)
        if story is None or not self._provider.names_object(text):
            return
        standing = around.standing.pop(story, None)
        if standing is not None and standing is not actor:
            around.scheduler.hasten(standing, CALL_SECONDS / 10)
        if story in around.hurried or not self._provider.has_money(text):
            return
        meddled = around.faults.strikes("R4", story, what)
        if meddled:
            around.hurried.add(story)
            self._provider.meddle(meddled, text)

    async def _stand(self, actor: Actor, text: str) -> None:
        """Stand still with the answer to a refund in hand, until another goes on with it."""
        around, story = self._around, self._provider.story_of_text(text)
        if story is not None and around.faults.strikes("R5", story, "answered"):
            around.boundaries.stopped.add(actor.key)
            around.standing[story] = actor
            around.on_standing(actor)
            await give_way(Wait(STANDS_SECONDS))

    def _watch_age(self, actor: Actor, key: str) -> None:
        """A key that the provider may have forgotten makes a second object, and is never sent again."""
        now = self._around.scheduler.now
        first = self._provider.first_sent.setdefault(key, now)
        if now - first > self._provider.key_life * MICRO:
            self._around.on_old_key(actor.key, f"{key.partition(':')[0]} was sent again after its key's life")

    def _watch_creates(self, actor: Actor, key: str) -> None:
        """While one caller creates, nobody creates beside it: not every provider would take both for one."""
        creating, now = self._provider.creating, self._around.scheduler.now
        other, since = creating.get(key, ("", 0))
        is_on_its_way = other and now - since < BESIDE_SECONDS * MICRO
        if is_on_its_way and self._around.boundaries.stopped.isdisjoint({other, actor.key}):
            self._around.on_calls_beside(actor.key, f"{other} was still creating the same")
        creating[key] = (actor.key, now)


def text_of(request: Request) -> str:
    """Everything by which a call may name an object."""
    return f"{request.url} {request.body.decode()}"
