"""Alerts over a house: findings as they happen, routes of a test, and a receiver that answers as it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from payonce.domain.alert import Route
from payonce.domain.delivering import Accepted, Outcome
from payonce.domain.finding import Finding
from payonce.store.database import Tx
from payonce.store.findings import resolve_findings, write_findings
from payonce.usecases.alert import Alerted, alert
from payonce.usecases.alerting import Alerting, InTurn, Message
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.house import House

BASE = "https://pay.example"


@dataclass
class Phone:
    """The receiver of a route: what it got, and what it answers next (else it accepts)."""

    got: list[Message] = field(default_factory=list)
    answers: list[Outcome | BaseException | Callable[[], Outcome]] = field(default_factory=list)

    async def tell(self, message: Message, /) -> Outcome:
        self.got.append(message)
        answer = self.answers.pop(0) if self.answers else Accepted("200")
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer

    @property
    def titles(self) -> list[str]:
        return [message.title for message in self.got]


class Alarms:
    """Routes with a phone each, and the worker that tells them."""

    def __init__(self, house: House, *routes: Route) -> None:
        self.house = house
        self.routes = {each.name: each for each in routes or (Route("ops", group=timedelta()),)}
        self.phones = {name: Phone() for name in self.routes}
        self.heard: list[tuple[str, str]] = []
        self._numbers = 0

    def __getitem__(self, route: str) -> Phone:
        return self.phones[route]

    @property
    def alerting(self) -> Alerting:
        """What the worker is handed."""
        return Alerting(self.routes, self.phones, BASE, InTurn(), lambda route, state, why: self._hear(route, state))

    def _hear(self, route: str, state: str) -> None:
        self.heard.append((route, state))

    def find(self, kind: str = "second_charge", about: str = "x", money: int = 4500, currency: str | None = "USD",
             order_id: UUID | None = None) -> UUID:  # fmt: skip
        """A check finds something, or finds it again."""
        [found] = self.find_many(1, kind, money, currency, about, order_id)
        return found

    def find_many(
        self, count: int, kind: str = "second_charge", money: int = 4500, currency: str | None = "USD",
        about: str = "", order_id: UUID | None = None,
    ) -> list[UUID]:  # fmt: skip
        """A check finds many things of a kind at once."""
        self._numbers += 1
        findings = [
            Finding(self.house.world.ids.new(), kind, about or f"{self._numbers}-{n}", order_id, money, currency)
            for n in range(count)
        ]

        async def work(tx: Tx) -> None:
            write_findings(tx, DEFAULT_MERCHANT, findings)

        self.house.run(self.house.world.database.transaction(work, name="test"))
        return [finding.id for finding in findings]

    def resolve(self, *fingerprints: str) -> None:
        """What was found is gone."""

        async def work(tx: Tx) -> None:
            resolve_findings(tx, DEFAULT_MERCHANT, fingerprints, "gone")

        self.house.run(self.house.world.database.transaction(work, name="test"))

    def change(self, finding_id: UUID, changed_as: str) -> None:
        """The finding changes in a way that is worth telling, as the monitor says it."""
        self.house.rows(
            "UPDATE findings SET change = change + 1, changed_as = %s, "
            "state = CASE WHEN %s = 'resolved' THEN 'resolved' ELSE state END WHERE finding_id = %s RETURNING 1",
            changed_as, changed_as, finding_id,
        )  # fmt: skip

    def step(self, **more: Any) -> Alerted:
        """The worker makes one step."""
        alerting = replace(self.alerting, **more) if more else self.alerting
        return self.house.run(alert(self.house.world.for_jobs(), DEFAULT_MERCHANT, alerting))

    def steps(self, count: int = 5, seconds: float = 0) -> None:
        """Several steps, with time between them."""
        for _ in range(count):
            self.step()
            self.house.clock.move(seconds)

    def states(self) -> list[str]:
        """The states of all messages, the oldest first."""
        return [state for (state,) in self.house.rows("SELECT state FROM alert_messages ORDER BY message_id")]
