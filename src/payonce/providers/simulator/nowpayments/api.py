"""One call of the API from its bytes to its answer: route, fault, key, token, operation.

No answer is remembered: the same request sent twice is carried out twice.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from payonce.providers.simulator.calls import Call, Course, spoilt
from payonce.providers.simulator.faults import Fault, FaultSource
from payonce.providers.simulator.nowpayments import decimals, routes
from payonce.providers.simulator.nowpayments.books import Books
from payonce.providers.simulator.nowpayments.credentials import require_key, require_token
from payonce.providers.simulator.nowpayments.errors import NowError, broken, too_many
from payonce.providers.simulator.nowpayments.payer import Payer
from payonce.providers.simulator.nowpayments.routes import Route
from payonce.providers.simulator.wire import Reply, Request, dated


class Api:
    """Answers calls below `/v1/`."""

    def __init__(self, books: Books, faults: FaultSource, payer: Payer) -> None:
        self.books = books
        self.faults = faults
        self.calls: deque[Call] = deque(maxlen=books.settings.log_length)
        self._payer = payer

    def answer(self, request: Request) -> Reply:
        """The reply to one call; never raises for anything that came over the wire."""
        try:
            route = routes.find(request.method, request.path)
        except NowError as refusal:
            return self._reply(refusal.status, refusal.shown())
        fault = self.faults.pick(route.name, request.text())

        def refused(refusal: NowError, *headers: tuple[str, str]) -> Reply:
            self._log(request, route, refusal.status, fault)
            return self._reply(refusal.status, refusal.shown(), *headers)

        course = Course(
            carry_out=lambda: self._carried_out(request, route, fault),
            broken=lambda: refused(broken()),
            busy=lambda seconds: refused(too_many(), ("Retry-After", str(max(1, round(seconds))))),
            pay_first=lambda method: self._payer.try_paying(route.object_id),
            nothing=lambda: self._log(request, route, 0, fault),
        )
        return spoilt(fault, course, self.books)

    def _carried_out(self, request: Request, route: Route, fault: Fault | None) -> Reply:
        try:
            if route.needs_key:
                require_key(request, self.books)
            if route.needs_token:
                require_token(request, self.books)
            status, shown = route.act(self.books, request, route.object_id)
        except NowError as refusal:
            status, shown = refusal.status, refusal.shown()
        self._log(request, route, status, fault)
        return self._reply(status, shown)

    def _reply(self, status: int, shown: dict[str, Any], *headers: tuple[str, str]) -> Reply:
        kind = ("Content-Type", "application/json; charset=utf-8")
        date = dated(self.books.now())
        return Reply(status, (kind, date, *headers), decimals.write(shown).encode(), self.books.settings.latency)

    def _log(self, request: Request, route: Route, status: int, fault: Fault | None) -> None:
        self.calls.append(
            Call(
                at=self.books.now(),
                operation=route.name,
                method=request.method,
                path=request.path,
                query=request.query,
                object_id=route.object_id,
                # A password is not for a log.
                body="" if route.name == "auth.create" else request.body.decode("utf-8", "replace"),
                status=status,
                fault=None if fault is None else f"{fault.kind}:{fault.when}",
            )
        )
