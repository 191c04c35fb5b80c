"""The provider as the simulation has it: the simulated Stripe behind payonce's transport, misbehaving by name.

Whose business a call or an event is, is known by our attempt's id in it, or by an object that carried one before. The
provider keeps its own truth; nothing here looks into ours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from payonce.base import ids
from payonce.base.errors import Bug, ensure
from payonce.providers.simulator.delivery_faults import Plan
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.faults import Fault
from payonce.providers.simulator.stripe.checkout_session import CheckoutSession
from payonce.providers.simulator.stripe.event import Event
from payonce.providers.simulator.stripe.payment_intent import PaymentIntent
from payonce.providers.simulator.stripe.settings import Settings
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.providers.simulator.world import LETTERS
from payonce.providers.transport import Answer, Request, Unreachable
from payonce.simulation.banks import HURRIED, Banks
from payonce.simulation.by_story import ByStory
from payonce.simulation.database import Boundaries
from payonce.simulation.draw import Draw
from payonce.simulation.faults import Faults
from payonce.simulation.hosts import HostClock
from payonce.simulation.scheduler import MICRO, Actor, Scheduler, Wait, give_way
from payonce.store.database import in_transaction

ATTEMPT_MARK: Final = "payonce_attempt"
# What a person makes at the dashboard is not payonce's doing, and is marked so that the checks can tell.
BY_HAND: Final = "by_hand"
NOBODY: Final = "strangers"
CALL_SECONDS: Final = 0.15
HOUR: Final = 3600.0
# Within this time of a create nobody else may send it too; the lease is 30 s, and hosts' clocks are a little apart.
BESIDE_SECONDS: Final = 25.0
# Who sends money back is known by his lane; he stands still so long at most, and others may take his work up meanwhile.
REFUNDS_LANE: Final = "/refunds"
STANDS_SECONDS: Final = 400.0
OK: Final = 200
# The calls that make something payable, and who may make them: a person's click on Pay, and nobody else.
CREATES: Final = ("POST checkout/sessions", "POST payment_intents")
_CLICKS: Final = re.compile(r".+/click\d+")
# What a bank debit takes at the simulated bank: so long that people come back before and after its end.
DEBIT_SECONDS: Final = (20.0, 3000.0)
# Stripe's three days of tries, pressed into one, so that a run ends.
RETRIES: Final = (5.0, 30.0, 120.0, 600.0, 3600.0, 4 * HOUR, 8 * HOUR)
# What P3 turns an answer into, and how often each.
SPOILT: Final = {
    ("rate_limited", "before"): 2.0, ("lock_timeout", "before"): 1.0, ("error_500", "before"): 1.0,
    ("error_500", "after"): 1.0, ("html", "before"): 1.0, ("html", "after"): 1.0, ("reset", "before"): 1.0,
    ("reset", "after"): 1.0, ("drip", "after"): 1.0, ("bad_json", "after"): 1.0,
}  # fmt: skip
_MARKED: Final = re.compile(r"att_[0-9a-z]{26}")
_NAMED: Final = re.compile(r"(?:pi|cs_test)_[0-9A-Za-z]+")


class Provider:
    """One simulated account. `stories` leads from our ids to stories."""

    def __init__(
        self, draw: Draw, faults: Faults, scheduler: Scheduler, boundaries: Boundaries, stories: dict[UUID, str]
    ) -> None:
        self.clock = HostClock(scheduler)
        # Stories in which somebody has charged by hand.
        self.meddled: set[str] = set()
        # Which creates are on their way: key -> who, and since when. One whose caller died stays.
        self.creating: dict[str | None, tuple[str, int]] = {}
        self.on_calls_beside: Callable[[str, str], None] = lambda who, detail: None
        self._draw = draw
        self.faults = faults
        self._scheduler = scheduler
        self._boundaries = boundaries
        self.stories = stories
        self._intents = ByStory[PaymentIntent]()
        self._sessions = ByStory[CheckoutSession]()
        self._told: Counter[tuple[str, str]] = Counter()
        self._lost: dict[tuple[str, str, int], bool] = {}
        self._maker: tuple[str, int] = ("", 0)
        self._nth = 0
        self._is_by_hand = False
        settings = Settings(
            pretty=False,
            list_lag=draw.between(0.0, 120.0, "list lag") if faults.rates["P5"] else 0.0,
            debit_settles_after=draw.between(*DEBIT_SECONDS, "debits"),
            webhook_retries=RETRIES,
        )
        self.stripe = StripeSimulator(
            clock=self.clock, chance=_NoChance(), ids=self, settings=settings, faults=self, delivery_faults=self
        )
        self.banks = Banks(self.stripe, draw, faults, scheduler)
        # When each idempotency key was sent first, and what each caller has read since he was last asked.
        self.first_sent: dict[str, int] = {}
        self.read_by: dict[str, set[str]] = {}
        # Who stands still with the answer to a refund in his hand, by story.
        self.standing: dict[str, Actor] = {}
        # Stories in which others once sent money back while we began to.
        self.hurried: set[str] = set()
        self.on_standing: Callable[[Actor], None] = lambda actor: None
        self.on_old_key: Callable[[str, str], None] = lambda who, detail: None
        self.on_made_unasked: Callable[[str, str], None] = lambda who, detail: None

    def transport(self, clock: HostClock) -> Till:
        """The way from a host to the provider."""
        return Till(self, DirectTransport(self.stripe, clock), self._scheduler, self._boundaries, self._draw)

    def make(self, letters: int) -> str:
        """The random part of an object's id, by who makes it and when in his course."""
        actor = self._scheduler.current
        maker = ("clock", self._scheduler.now) if actor is None else (actor.key, actor.turns)
        self._nth = self._nth + 1 if maker == self._maker else 0
        self._maker = maker
        name = (*maker, self._nth)
        return "".join(LETTERS[byte % len(LETTERS)] for byte in self._draw.raw(letters, "object", *name))

    def end_faults(self) -> None:
        """Lists are in time from now on."""
        self.stripe.settings.list_lag = 0.0

    def pick(self, operation: str, text: str) -> Fault | None:
        """How this call goes wrong, if it does."""
        if self._is_by_hand:
            return None
        story = self.story_of_text(text) or self._scheduler.acting().story
        late = self.faults.strikes("P2", story, operation)
        if late:
            # Half of them take effect only after a while, perhaps after somebody asked again.
            if self._draw.happens(0.5, "late", late):
                return Fault("late", seconds=self._draw.between(1.0, 60.0, "late by", late))
            return Fault("timeout", "after")
        if self.faults.strikes("P1", story, operation):
            return Fault("timeout", "before")
        if operation.endswith((".expire", ".cancel")) and self.faults.strikes("P6", story, operation):
            return Fault("payer_first")
        if operation.endswith(".list") and self.stripe.settings.list_lag:
            self.faults.saw("P5")
        spoilt = self.faults.strikes("P3", story, operation)
        if spoilt:
            kind, when = self._draw.choose(SPOILT, "spoilt", spoilt)
            return Fault(kind, when, seconds=self._draw.whole(1, 4, "retry after", spoilt))  # type: ignore[arg-type]
        return None

    def plan(self, event_type: str, event_id: str, object_id: str) -> Plan:
        """How an event reaches us."""
        event = self.stripe.books.events[event_id]
        story = self.story_of_event(event)
        self._told[story, event_type] += 1
        place = f"{event_type} {self._told[story, event_type]}"
        if event_type == "refund.created":
            self.banks.take_up(story, object_id)
        if self._is_lost(story, place, event):
            return Plan(vanishing=None)
        delay = self._draw.latency(0.4, "event", story, place)
        if self.faults.strikes("W2", story, place):
            delay += self._draw.between(0.0, 30.0, "overtaken", story, place)
        if self.faults.strikes("W3", story, place):
            delay += self._draw.between(HOUR / 2, 30 * HOUR, "hours late", story, place)
        copies = [delay]
        while len(copies) < 4 and self.faults.strikes("W1", story, place):
            copies.append(delay + self._draw.between(0.0, 60.0, "copy", story, place, len(copies)))
        return Plan(tuple(copies))

    def _is_lost(self, story: str, place: str, event: Event) -> bool:
        """Whether a letter is lost. Those that tell one change of a refund or a dispute are lost together."""
        if event.object.get("object") not in ("refund", "dispute"):
            return self.faults.strikes("W4", story, place) is not None
        moment = (event.object["id"], event.object["status"], event.created)
        if moment not in self._lost:
            self._lost[moment] = self.faults.strikes("W4", story, place) is not None
        return self._lost[moment]

    def attempts_of(self, story: str) -> list[UUID]:
        """The attempts that the story's objects carry, as somebody at the dashboard sees them."""
        rows: list[PaymentIntent | CheckoutSession] = [*self.intents_of(story), *self.sessions_of(story)]
        found = [ids.read_or_none(ids.ATTEMPT, row.metadata.get(ATTEMPT_MARK, "")) for row in rows]
        return list(dict.fromkeys(attempt_id for attempt_id in found if attempt_id is not None))

    def intents_of(self, story: str) -> Sequence[PaymentIntent]:
        """The intents that carry a mark of the story."""
        self._intents.look(self.stripe.books.intents, self._story_of_row)
        return self._intents.of(story)

    def sessions_of(self, story: str) -> Sequence[CheckoutSession]:
        """The sessions that carry a mark of the story."""
        self._sessions.look(self.stripe.books.sessions, self._story_of_row)
        return self._sessions.of(story)

    def _story_of_row(self, row: PaymentIntent | CheckoutSession) -> str | None:
        return self._story_of_mark(row.metadata.get(ATTEMPT_MARK))

    def captured_of(self, story: str) -> list[PaymentIntent]:
        """The story's intents that brought money."""
        return [intent for intent in self.intents_of(story) if intent.amount_received]

    def charge_by_hand(
        self, who: str, attempt_id: UUID | None, currency: str, amount: int, method: str = "pm_card_visa"
    ) -> None:
        """Somebody charges a card at the dashboard: with our marks copied, or as a stranger who has none."""
        wish = {
            "amount": str(amount),
            "currency": currency.lower(),
            "confirm": "true",
            "payment_method": method,
        }
        if attempt_id is not None:
            self.meddled.add(self.stories.get(attempt_id, NOBODY))
            wish[f"metadata[{ATTEMPT_MARK}]"] = ids.show(ids.ATTEMPT, attempt_id)
            wish[f"metadata[{BY_HAND}]"] = "yes"
        self._is_by_hand = True
        headers = (("authorization", "Bearer sk_test_the_dashboard"),)
        reply = self.stripe.handle("POST", "/v1/payment_intents", "", headers, urlencode(wish).encode())
        self._is_by_hand = False
        self._scheduler.note("charged by hand", who, reply.status)

    def story_of_text(self, text: str) -> str | None:
        """Whose business a request is: by the mark in it, or in the object that its path names."""
        marked = _MARKED.search(text)
        if marked:
            return self._story_of_mark(marked[0])
        named = _NAMED.search(text)
        found = self._object(named[0]) if named else None
        return self._story_of_mark(found.metadata.get(ATTEMPT_MARK)) if found else None

    def story_of_event(self, event: Event) -> str:
        """Whose business an event is."""
        shown = event.object
        mark = (shown.get("metadata") or {}).get(ATTEMPT_MARK)
        paid = self._object(shown.get("payment_intent") or "")
        return self._story_of_mark(mark or (paid.metadata.get(ATTEMPT_MARK) if paid else None)) or NOBODY

    def attempt_of(self, mark: str) -> UUID | None:
        """The attempt that a mark names."""
        return ids.read_or_none(ids.ATTEMPT, mark)

    def _object(self, object_id: str) -> PaymentIntent | CheckoutSession | None:
        books = self.stripe.books
        return books.intents.get(object_id) or books.sessions.get(object_id)

    def _story_of_mark(self, mark: str | None) -> str | None:
        attempt_id = ids.read_or_none(ids.ATTEMPT, mark) if mark else None
        return self.stories.get(attempt_id) if attempt_id else None


class Till:
    """payonce's transport, with a turn before and after each call. Refuses to be used inside a transaction."""

    def __init__(
        self, provider: Provider, direct: DirectTransport, scheduler: Scheduler, boundaries: Boundaries, draw: Draw
    ) -> None:
        self._provider = provider
        self._direct = direct
        self._scheduler = scheduler
        self._boundaries = boundaries
        self._draw = draw
        self._faults = provider.faults

    async def send(self, request: Request) -> Answer:
        """Send, and answer or raise Unreachable."""
        actor = self._scheduler.acting()
        ensure(not in_transaction(), "the provider was called inside a transaction")
        what = _what(request)
        if what in CREATES and not _CLICKS.fullmatch(actor.key):
            self._provider.on_made_unasked(actor.key, f"{what}, and nobody had clicked on Pay")
        key = next((value for name, value in request.headers if name == "idempotency-key"), None)
        if key is not None:
            self._watch_creates(actor, key)
            self._watch_age(actor, key)
        await self._boundaries.suffer(actor, f"{actor.key} {what} before")
        await give_way(Wait(self._draw.latency(CALL_SECONDS / 2, "call", actor.key, actor.turns)))
        sends_back = actor.story.endswith(REFUNDS_LANE)
        if sends_back:
            self._meddle(actor, what, request)
        try:
            answer = await self._direct.send(request)
        except Unreachable as silence:
            self._scheduler.note("unanswered", actor.key, what, silence.reason)
            self._provider.creating.pop(key, None)
            raise
        self._scheduler.note("called", actor.key, what, answer.status)
        if request.method == "GET" and answer.status == OK:
            self._provider.read_by.setdefault(actor.key, set()).update(_NAMED.findall(request.url))
        await self._boundaries.suffer(actor, f"{actor.key} {what} after")
        await give_way(Wait(self._draw.latency(CALL_SECONDS / 2, "answer", actor.key, actor.turns)))
        if sends_back and request.method == "POST":
            await self._stand(actor, _text(request))
        self._provider.creating.pop(key, None)
        return answer

    def _meddle(self, actor: Actor, what: str, request: Request) -> None:
        """Just before a refund is looked at or sent: let others send the money back, and let who stood still go on."""
        text = _text(request)
        story, named = self._provider.story_of_text(text), _NAMED.search(text)
        if story is None or named is None:
            return
        standing = self._provider.standing.pop(story, None)
        if standing is not None and standing is not actor:
            self._scheduler.hasten(standing, CALL_SECONDS / 10)
        intent = self._provider.stripe.books.intents.get(named[0])
        if intent is None or story in self._provider.hurried:
            return
        meddled = self._faults.strikes("R4", story, what)
        if meddled:
            self._provider.hurried.add(story)
            self._provider.banks.give_back(meddled, intent, HURRIED)

    async def _stand(self, actor: Actor, text: str) -> None:
        """Stand still with the answer to a refund in hand, until another goes on with it."""
        story = self._provider.story_of_text(text)
        if story is not None and self._faults.strikes("R5", story, "answered"):
            self._boundaries.stopped.add(actor.key)
            self._provider.standing[story] = actor
            self._provider.on_standing(actor)
            await give_way(Wait(STANDS_SECONDS))

    def _watch_age(self, actor: Actor, key: str) -> None:
        """A key that the provider may have forgotten makes a second object, and is never sent again."""
        first = self._provider.first_sent.setdefault(key, self._scheduler.now)
        if self._scheduler.now - first > self._provider.stripe.settings.key_life * MICRO:
            self._provider.on_old_key(actor.key, f"{key.partition(':')[0]} was sent again after its key's life")

    def _watch_creates(self, actor: Actor, key: str) -> None:
        """While one caller creates, nobody creates beside it: not every provider would take both for one."""
        creating = self._provider.creating
        other, since = creating.get(key, ("", 0))
        is_on_its_way = other and self._scheduler.now - since < BESIDE_SECONDS * MICRO
        if is_on_its_way and self._boundaries.stopped.isdisjoint({other, actor.key}):
            self._provider.on_calls_beside(actor.key, f"{other} was still creating the same")
        creating[key] = (actor.key, self._scheduler.now)


class _NoChance:
    """Every decision is drawn by name, so nothing may ask for more."""

    def uniform(self) -> float:
        raise Bug("the simulated provider drew a number without a name")

    def token(self, n: int) -> bytes:
        raise Bug("the simulated provider drew bytes without a name")


def _what(request: Request) -> str:
    """The call in two words, without ids: `POST checkout/sessions/*/expire`."""
    path = request.url.partition("/v1/")[2].partition("?")[0]
    return f"{request.method} {_NAMED.sub('*', path)}"


def _text(request: Request) -> str:
    """Everything by which a call may name an object."""
    return f"{request.url} {request.body.decode()}"
