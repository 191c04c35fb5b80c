"""One call of the API from its bytes to its answer: key, route, fault, idempotency, operation, headers.

What spoils an answer on the way (`faults`) comes before everything that the operation would do, or after it; a 500 of
the provider's own lies inside, so that it is remembered under the key like any other answer.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Final

from payonce.providers.simulator.distortion import distorted, proxy_error
from payonce.providers.simulator.faults import Fault, FaultSource
from payonce.providers.simulator.stripe import routes
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.credentials import require_key
from payonce.providers.simulator.stripe.errors import StripeError, broken, locked, too_many
from payonce.providers.simulator.stripe.event import Cause
from payonce.providers.simulator.stripe.expand import check_paths, expand
from payonce.providers.simulator.stripe.form import Tree, decode
from payonce.providers.simulator.stripe.idempotency import Kept, Keys, fingerprint
from payonce.providers.simulator.stripe.params import Params
from payonce.providers.simulator.stripe.payer import Payer
from payonce.providers.simulator.wire import NOTHING, Reply, Request, dated


def _nothing(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    return {}


NO_ROUTE: Final = routes.Route("refused", _nothing)


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the log of calls. `fault` is `kind:when`; `status` 0 means that nothing was carried out."""

    at: float
    request_id: str
    operation: str
    method: str
    path: str
    object_id: str
    parameters: Tree
    idempotency_key: str | None
    status: int
    replayed: bool
    fault: str | None


@dataclass(frozen=True, slots=True)
class _Visit:
    """One request on its way through: what it is, and what goes wrong with it."""

    request: Request
    request_id: str
    route: routes.Route
    tree: Tree
    fault: Fault | None

    @property
    def key(self) -> str | None:
        """The idempotency key, which counts for POST only."""
        return self.request.header("idempotency-key") if self.request.method == "POST" else None

    @property
    def breaks_inside(self) -> Fault | None:
        """The provider's own 500, if that is the fault."""
        return self.fault if self.fault is not None and self.fault.kind == "error_500" else None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the provider says; `executed` tells whether it is remembered under the key."""

    status: int
    body: bytes
    original: str
    replayed: bool = False
    should_retry: bool | None = None
    retry_after: float | None = None
    executed: bool = True


class Api:
    """Answers calls below `/v1/`."""

    def __init__(self, books: Books, faults: FaultSource, payer: Payer) -> None:
        self.books = books
        self.faults = faults
        self.keys = Keys()
        self.calls: deque[Call] = deque(maxlen=books.settings.log_length)
        self._payer = payer

    def answer(self, request: Request) -> Reply:
        """The reply to one call; never raises for anything that came over the wire."""
        visit = _Visit(request, self.books.new_id("req", 14), NO_ROUTE, {}, None)
        try:
            require_key(request)
            route = routes.find(request.method, request.path)
            tree = decode(request.body if request.method == "POST" else request.query)
        except StripeError as refusal:
            return self._reply(visit, self._refused(visit, refusal))
        fault = self.faults.pick(route.name, request.text())
        return self._with_fault(replace(visit, route=route, tree=tree, fault=fault))

    def _with_fault(self, visit: _Visit) -> Reply:
        fault = visit.fault
        if fault is None or fault.kind == "error_500":
            return self._carried_out(visit)
        if fault.kind == "payer_first":
            self._payer.try_paying(visit.route.object_id, fault.method)
            return self._carried_out(visit)
        if fault.kind == "late":
            self.books.plan(self.books.now() + fault.seconds, lambda: self._carried_out(visit))
            return NOTHING
        if fault.kind == "rate_limited":
            return self._reply(visit, self._refused(visit, too_many(fault.seconds, fault.should_retry)))
        if fault.kind == "lock_timeout":
            return self._reply(visit, self._refused(visit, locked(fault.seconds, fault.should_retry)))
        if fault.takes_effect:
            return distorted(fault, self._carried_out(visit))
        self._log(visit, 0)
        return distorted(fault, proxy_error(fault.status))

    def _carried_out(self, visit: _Visit) -> Reply:
        try:
            answer = self._once(visit)
        except StripeError as refusal:
            answer = self._refused(visit, refusal)
        return self._reply(visit, answer)

    def _once(self, visit: _Visit) -> _Answer:
        """Carry the call out, unless its key tells that this was done before."""
        if not visit.key:
            return self._run(visit)
        books, path, parameters = self.books, visit.request.path, fingerprint(visit.tree)
        kept = self.keys.find(visit.key, path, parameters, books.now(), books.settings.key_life)
        if kept is not None:
            # Trying a remembered failure again would change nothing, and Stripe says so.
            again = False if kept.status >= 400 else None
            return _Answer(kept.status, kept.body, kept.request_id, replayed=True, should_retry=again)
        answer = self._run(visit)
        if answer.executed:
            now = books.now()
            until = now + books.settings.latency
            first = Kept(path, parameters, answer.status, answer.body, visit.request_id, now, until)
            self.keys.keep(visit.key, first)
        return answer

    def _run(self, visit: _Visit) -> _Answer:
        breaks = visit.breaks_inside
        if breaks is None or breaks.when == "after":
            answer = self._operate(visit)
            if breaks is None:
                return answer
        return replace(self._refused(visit, broken()), should_retry=breaks.should_retry)

    def _operate(self, visit: _Visit) -> _Answer:
        params = Params(visit.tree)
        try:
            paths = params.texts("expand")
            check_paths(paths)
            with self.books.caused_by(Cause(visit.request_id, visit.key)):
                shown = visit.route.act(self.books, params, visit.route.object_id)
            return _Answer(200, self._json(expand(self.books, shown, paths)), visit.request_id)
        except StripeError as refusal:
            return self._refused(visit, refusal)

    def _refused(self, visit: _Visit, refusal: StripeError) -> _Answer:
        return _Answer(
            status=refusal.status,
            body=self._json(refusal.shown()),
            original=visit.request_id,
            should_retry=refusal.should_retry,
            retry_after=refusal.retry_after,
            executed=refusal.executed,
        )

    def _reply(self, visit: _Visit, answer: _Answer) -> Reply:
        self._log(visit, answer.status, answer.replayed)
        version = visit.request.header("stripe-version") or self.books.settings.api_version
        headers = [
            ("Content-Type", "application/json"),
            dated(self.books.now()),
            ("Request-Id", visit.request_id),
            ("Stripe-Version", version),
        ]
        if visit.key and visit.key.isascii() and visit.key.isprintable():
            headers += [("Idempotency-Key", visit.key), ("Original-Request", answer.original)]
        if answer.replayed:
            headers.append(("Idempotent-Replayed", "true"))
        if answer.should_retry is not None:
            headers.append(("Stripe-Should-Retry", str(answer.should_retry).lower()))
        if answer.retry_after is not None:
            headers.append(("Retry-After", str(max(1, round(answer.retry_after)))))
        if answer.status == 401:
            headers.append(("WWW-Authenticate", 'Basic realm="Stripe"'))
        return Reply(answer.status, tuple(headers), answer.body, self.books.settings.latency)

    def _json(self, shown: dict[str, Any]) -> bytes:
        if self.books.settings.pretty:
            return json.dumps(shown, indent=2).encode()
        return json.dumps(shown, separators=(",", ":")).encode()

    def _log(self, visit: _Visit, status: int, replayed: bool = False) -> None:
        fault = visit.fault
        self.calls.append(
            Call(
                at=self.books.now(),
                request_id=visit.request_id,
                operation=visit.route.name,
                method=visit.request.method,
                path=visit.request.path,
                object_id=visit.route.object_id,
                parameters=visit.tree,
                idempotency_key=visit.key,
                status=status,
                replayed=replayed,
                fault=None if fault is None else f"{fault.kind}:{fault.when}",
            )
        )
