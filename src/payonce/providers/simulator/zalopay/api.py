"""One call of the API from its bytes to its answer: route, fields, fault, operation.

HTTP says 200 to whatever the provider itself has to say, its own troubles included.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from payonce.providers.simulator.calls import Call, Course, spoilt
from payonce.providers.simulator.faults import Fault, FaultSource
from payonce.providers.simulator.wire import Reply, Request, dated
from payonce.providers.simulator.zalopay import codes, fields, orders, refunds
from payonce.providers.simulator.zalopay.books import Books
from payonce.providers.simulator.zalopay.codes import ZaloPayRefusal
from payonce.providers.simulator.zalopay.fields import Fields
from payonce.providers.simulator.zalopay.payer import Payer


@dataclass(frozen=True, slots=True)
class Route:
    """One call: its name for fault rules, the field that names its object, and what it does."""

    name: str
    names: str
    act: Callable[[Books, Fields], dict[str, Any]]


# The path of cancel is not in the published description of the API; merchants' programs use this one.
ROUTES: Final = {
    "/v2/create": Route("orders.create", "app_trans_id", orders.create),
    "/v2/query": Route("orders.query", "app_trans_id", orders.query),
    "/v2/cancel": Route("orders.cancel", "app_trans_id", orders.cancel),
    "/v2/refund": Route("refunds.create", "m_refund_id", refunds.create),
    "/v2/query_refund": Route("refunds.query", "m_refund_id", refunds.query),
}


class Api:
    """Answers calls below `/v2/`."""

    def __init__(self, books: Books, faults: FaultSource, payer: Payer) -> None:
        self.books = books
        self.faults = faults
        self.calls: deque[Call] = deque(maxlen=books.settings.log_length)
        self._payer = payer

    def answer(self, request: Request) -> Reply:
        """The reply to one call; never raises for anything that came over the wire."""
        route = ROUTES.get(request.path)
        if route is None or request.method != "POST":
            return Reply(404, (("Content-Type", "text/plain"),), b"404 page not found")
        try:
            read = fields.read(request)
            name = read.text(route.names, orders.LONGEST_MAC, may_be_empty=True)
        except ZaloPayRefusal as refusal:
            self._log(request, route, "", None)
            return self._reply(refusal.shown())
        fault = self.faults.pick(route.name, request.text())
        self._log(request, route, name, fault)
        return spoilt(fault, self._course(route, read, name), self.books)

    def _course(self, route: Route, read: Fields, name: str) -> Course:
        """The call when all goes well. ZaloPay's own troubles come with HTTP 200 as well."""

        def carry_out() -> Reply:
            try:
                return self._reply(route.act(self.books, read))
            except ZaloPayRefusal as refusal:
                return self._reply(refusal.shown())

        return Course(
            carry_out=carry_out,
            broken=lambda: self._reply(ZaloPayRefusal(codes.SYSTEM_ERROR).shown()),
            busy=lambda seconds: self._reply(ZaloPayRefusal(codes.TOO_MANY).shown()),
            pay_first=lambda method: self._payer.try_paying(name),
        )

    def _reply(self, shown: dict[str, Any]) -> Reply:
        body = json.dumps(shown, separators=(",", ":"), ensure_ascii=False).encode()
        kind, date = ("Content-Type", "application/json;charset=UTF-8"), dated(self.books.now())
        return Reply(200, (kind, date), body, self.books.settings.latency)

    def _log(self, request: Request, route: Route, name: str, fault: Fault | None) -> None:
        is_lost = fault is not None and not fault.takes_effect and fault.kind not in ("payer_first", "late")
        self.calls.append(
            Call(
                at=self.books.now(),
                operation=route.name,
                method=request.method,
                path=request.path,
                query=request.query,
                object_id=name,
                body=request.body.decode("utf-8", "replace"),
                status=0 if is_lost else 200,
                fault=None if fault is None else f"{fault.kind}:{fault.when}",
            )
        )
