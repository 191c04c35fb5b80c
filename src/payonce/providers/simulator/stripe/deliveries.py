"""Webhooks on their way: what to send when, tried again with growing intervals, and lost, late or twice on request.

It sends nothing itself. `due` hands out what is to be sent now, signed afresh; `answered` is told what came back.
"""

from __future__ import annotations

import heapq
import itertools
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.delivery_faults import DeliverySource
from payonce.providers.simulator.signing import stripe_signature
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.event import Event, WebhookEndpoint


@dataclass(slots=True)
class _Parcel:
    id: int
    endpoint_id: str
    event_id: str
    vanishing: int | None
    changes: dict[str, Any] | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One webhook to POST now. Tell `answered` what came back, by `delivery_id`."""

    delivery_id: int
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    event_id: str
    event_type: str
    tries: int
    # Stripe gives a receiver about ten seconds.
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One line of the log of tries; `status` None means no answer."""

    at: float
    delivery_id: int
    event_id: str
    event_type: str
    url: str
    tries: int
    status: int | None


class Webhooks:
    """All deliveries of one account."""

    def __init__(self, books: Books, faults: DeliverySource) -> None:
        self.books = books
        self.faults = faults
        self.sent: deque[Sent] = deque(maxlen=books.settings.log_length)
        self._order = itertools.count()
        self._queue: list[tuple[float, int, _Parcel]] = []
        self._away: dict[int, _Parcel] = {}
        books.on_event = self._queue_event

    @alone
    def due(self) -> list[Outgoing]:
        """What is to be sent now, in the order in which it became due."""
        return list(self._leaving(self.books.now()))

    @alone
    def under_way(self) -> list[int]:
        """The ids of deliveries that were handed out and not answered for."""
        return list(self._away)

    @alone
    def quiet(self) -> bool:
        """Whether nothing is due and nothing is under way."""
        return not self._away and (not self._queue or self._queue[0][0] > self.books.now())

    def next_due(self) -> float | None:
        """When the next delivery is due (unix seconds), or None."""
        return self._queue[0][0] if self._queue else None

    @alone
    def answered(self, delivery_id: int, status: int | None) -> None:
        """Record an answer; anything but 2xx is tried again until the intervals are used up."""
        parcel = self._away.pop(delivery_id)
        event, endpoint = self.books.events[parcel.event_id], self.books.endpoints.get(parcel.endpoint_id)
        url = endpoint.url if endpoint is not None else ""
        self.sent.append(Sent(self.books.now(), parcel.id, event.id, event.type, url, parcel.tries, status))
        if status is not None and 200 <= status < 300:
            event.waiting.discard(parcel.endpoint_id)
            event.failed.discard(parcel.endpoint_id)
        else:
            self._try_later(parcel, event)

    @alone
    def resend(self, event_id: str, changes: dict[str, Any] | None = None) -> None:
        """Deliver an event once more to all who want it; `changes` alter its object in this one delivery only."""
        event = self.books.events[event_id]
        for endpoint in self._wanting(event):
            self._push(0.0, _Parcel(next(self._order), endpoint.id, event.id, 0, changes))

    @alone
    def twin(self, event_id: str) -> str:
        """Write another event of its own id that tells the same change. Returns its id."""
        first = self.books.events[event_id]
        event = Event(
            id=self.books.new_id("evt"),
            created=first.created,
            type=first.type,
            api_version=first.api_version,
            object=first.object,
            previous=first.previous,
            cause=first.cause,
        )
        self.books.events[event.id] = event
        self._queue_event(event)
        return event.id

    def _queue_event(self, event: Event) -> None:
        for endpoint in self._wanting(event):
            event.waiting.add(endpoint.id)
            plan = self.faults.plan(event.type, event.id, event.object.get("id", ""))
            for delay in plan.delays:
                parcel = _Parcel(next(self._order), endpoint.id, event.id, plan.vanishing)
                self._push(delay + self.books.settings.webhook_delay, parcel)

    def _wanting(self, event: Event) -> list[WebhookEndpoint]:
        return [endpoint for endpoint in self.books.endpoints.values() if endpoint.wants(event.type)]

    def _push(self, delay: float, parcel: _Parcel) -> None:
        heapq.heappush(self._queue, (self.books.now() + delay, next(self._order), parcel))

    def _leaving(self, now: float) -> Iterator[Outgoing]:
        while self._queue and self._queue[0][0] <= now:
            _, _, parcel = heapq.heappop(self._queue)
            event, endpoint = self.books.events[parcel.event_id], self.books.endpoints.get(parcel.endpoint_id)
            if endpoint is None or not endpoint.enabled:
                # A removed or disabled endpoint gets no further tries.
                event.waiting.discard(parcel.endpoint_id)
                continue
            parcel.tries += 1
            if parcel.vanishing is None or parcel.tries <= parcel.vanishing:
                self._try_later(parcel, event)
                continue
            self._away[parcel.id] = parcel
            yield self._signed(parcel, event, endpoint, int(now))

    def _signed(self, parcel: _Parcel, event: Event, endpoint: WebhookEndpoint, now: int) -> Outgoing:
        shown = event.shown(endpoint.api_version)
        if parcel.changes:
            shown["data"] = {**shown["data"], "object": {**event.object, **parcel.changes}}
        pretty = self.books.settings.pretty
        body = json.dumps(shown, indent=2 if pretty else None).encode()
        headers = (
            ("Content-Type", "application/json; charset=utf-8"),
            ("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
            ("Stripe-Signature", stripe_signature(endpoint.secrets, now, body)),
        )
        return Outgoing(parcel.id, endpoint.url, headers, body, event.id, event.type, parcel.tries)

    def _try_later(self, parcel: _Parcel, event: Event) -> None:
        retries = self.books.settings.webhook_retries
        if parcel.tries <= len(retries):
            self._push(retries[parcel.tries - 1], parcel)
        elif parcel.endpoint_id in event.waiting:
            event.waiting.discard(parcel.endpoint_id)
            event.failed.add(parcel.endpoint_id)
