"""Notices on their way whose bytes are fixed when they are written: tried again, and lost, late or twice on request.

It sends nothing itself. `due` hands out what is to be sent now; `answered` is told what came back, and the provider's
own rule says whether that was an answer.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from payonce.providers.simulator.agenda import Agenda, alone
from payonce.providers.simulator.delivery_faults import DeliverySource

# taken: it has arrived; again: it is tried again; never: it is given up at once.
Reception = Literal["taken", "again", "never"]
Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """One notice as it was written. `kind` is what fault rules match, `object_id` the object that it tells of."""

    id: int
    kind: str
    object_id: str
    url: str
    headers: Headers
    body: bytes


@dataclass(slots=True)
class _Parcel:
    id: int
    letter: Letter
    vanishing: int | None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One notice to POST now. Tell `answered` what came back, by `delivery_id`."""

    delivery_id: int
    url: str
    headers: Headers
    body: bytes
    letter_id: int
    kind: str
    object_id: str
    tries: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Sent:
    """One line of the log of tries; `status` None means no answer."""

    at: float
    delivery_id: int
    letter_id: int
    kind: str
    object_id: str
    url: str
    tries: int
    status: int | None
    reception: Reception


def by_status(status: int | None, body: bytes) -> Reception:
    """The usual rule: 2xx has taken it."""
    return "taken" if status is not None and 200 <= status < 300 else "again"


def _nothing(sent: Sent) -> None:
    return None


class Letters:
    """All notices of one account. `retries` are seconds between tries, asked anew each time.

    An answer that takes longer than `timeout_seconds` is none.
    """

    def __init__(
        self,
        books: Agenda,
        faults: DeliverySource,
        *,
        retries: Callable[[], tuple[float, ...]],
        receive: Callable[[int | None, bytes], Reception] = by_status,
        on_answer: Callable[[Sent], None] = _nothing,
        timeout_seconds: float = 10.0,
        log_length: int = 50_000,
    ) -> None:
        self.books = books
        self.faults = faults
        self.written: dict[int, Letter] = {}
        self.sent: deque[Sent] = deque(maxlen=log_length)
        self._retries = retries
        self._receive = receive
        self._on_answer = on_answer
        self._timeout_seconds = timeout_seconds
        self._order = itertools.count()
        self._queue: list[tuple[float, int, _Parcel]] = []
        self._away: dict[int, _Parcel] = {}

    def write(
        self, kind: str, object_id: str, url: str, headers: Headers, body: bytes, *, delay: float = 0.0
    ) -> Letter:
        """Queue a notice; `delay` seconds pass before it leaves. For the provider itself, with locked books."""
        letter = Letter(next(self._order), kind, object_id, url, headers, body)
        self.written[letter.id] = letter
        plan = self.faults.plan(kind, str(letter.id), object_id)
        for after in plan.delays:
            self._push(after + delay, _Parcel(next(self._order), letter, plan.vanishing))
        return letter

    @alone
    def resend(self, letter_id: int) -> None:
        """Send a notice once more, byte for byte. Raises KeyError when there is none of that id."""
        self._push(0.0, _Parcel(next(self._order), self.written[letter_id], 0))

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
    def answered(self, delivery_id: int, status: int | None, body: bytes = b"") -> None:
        """Record an answer; what was not taken is tried again until the intervals are used up."""
        parcel = self._away.pop(delivery_id)
        letter, reception = parcel.letter, self._receive(status, body)
        sent = Sent(
            at=self.books.now(),
            delivery_id=parcel.id,
            letter_id=letter.id,
            kind=letter.kind,
            object_id=letter.object_id,
            url=letter.url,
            tries=parcel.tries,
            status=status,
            reception=reception,
        )
        self.sent.append(sent)
        if reception == "again":
            self._try_later(parcel)
        self._on_answer(sent)

    def _leaving(self, now: float) -> Iterator[Outgoing]:
        while self._queue and self._queue[0][0] <= now:
            _, _, parcel = heapq.heappop(self._queue)
            parcel.tries += 1
            if parcel.vanishing is None or parcel.tries <= parcel.vanishing:
                self._try_later(parcel)
                continue
            self._away[parcel.id] = parcel
            letter = parcel.letter
            yield Outgoing(
                parcel.id,
                letter.url,
                letter.headers,
                letter.body,
                letter.id,
                letter.kind,
                letter.object_id,
                parcel.tries,
                self._timeout_seconds,
            )

    def _try_later(self, parcel: _Parcel) -> None:
        retries = self._retries()
        if parcel.tries <= len(retries):
            self._push(retries[parcel.tries - 1], parcel)

    def _push(self, delay: float, parcel: _Parcel) -> None:
        heapq.heappush(self._queue, (self.books.now() + delay, next(self._order), parcel))
