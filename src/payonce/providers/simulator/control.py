"""`/_sim/…`: what the Python methods do, as JSON, for programs in other processes.

It takes JSON bodies only: a page of another origin cannot send one without asking first, and is never allowed to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from payonce.providers.simulator.agenda import Agenda
from payonce.providers.simulator.delivery_faults import DELIVERY_FAULTS, DeliveryFaults, DeliverySource
from payonce.providers.simulator.faults import KINDS, Fault, Faults, FaultSource
from payonce.providers.simulator.wire import Refusal, Reply, Request

Body: TypeAlias = dict[str, Any]


class _Deliveries(Protocol):
    @property
    def faults(self) -> DeliverySource: ...
    @property
    def sent(self) -> Iterable[Any]: ...


class _Truth(Protocol):
    def dump(self) -> dict[str, Any]: ...


class Controlled(Protocol):
    """A simulator that can be told from outside what to do."""

    @property
    def books(self) -> Agenda: ...
    @property
    def settings(self) -> Any: ...
    @property
    def faults(self) -> FaultSource: ...
    @property
    def webhooks(self) -> _Deliveries: ...
    @property
    def truth(self) -> _Truth: ...
    @property
    def calls(self) -> Iterable[Any]: ...

    def advance(self, seconds: float) -> None: ...
    def clear_faults(self) -> None: ...


Sim = TypeVar("Sim", bound=Controlled)


class Control:
    """Answers calls below `/_sim/`: those that every simulator has, and its own."""

    def __init__(self, sim: Sim, own: Mapping[tuple[str, str], Callable[[Sim, str, Body], Any]]) -> None:
        self._act: Callable[[tuple[str, str], str, Body], Any] = lambda which, name, body: known[which](sim, name, body)
        self._books = sim.books
        known: dict[tuple[str, str], Callable[[Any, str, Body], Any]] = {**COMMON, **own}
        self._known = sorted(known)

    def answer(self, request: Request) -> Reply:
        """The answer of a control; 400 with a sentence when it cannot be done."""
        parts = request.path.removeprefix("/_sim/").strip("/").split("/")
        which = (request.method, "/".join([parts[0], *parts[2:]]))
        if which not in self._known:
            known = sorted(f"{method} /_sim/{path}" for method, path in self._known)
            return _json(404, {"error": "no such control", "controls": known})
        try:
            body = _read(request)
            with self._books.lock:
                self._books.catch_up()
                return _json(200, self._act(which, parts[1] if len(parts) > 1 else "", body))
        except Refusal as refusal:
            return _json(refusal.status, {"error": refusal.message})
        except (ArithmeticError, KeyError, TypeError, ValueError) as wrong:
            return _json(400, {"error": f"{type(wrong).__name__}: {wrong}"})


def _read(request: Request) -> Body:
    if request.method != "POST":
        return {}
    if not (request.header("content-type") or "").startswith("application/json"):
        raise ValueError("send a JSON object with Content-Type: application/json")
    body = json.loads(request.body or b"{}")
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return body


def _json(status: int, answer: object) -> Reply:
    return Reply(status, (("Content-Type", "application/json"),), json.dumps(answer, default=str).encode())


def _fault(sim: Controlled, _: str, body: Body) -> Body:
    rule = {name: body.pop(name) for name in ("operation", "times", "rate", "containing") if name in body}
    if body.get("kind") not in KINDS or not isinstance(sim.faults, Faults):
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    sim.faults.add(rule.pop("operation", "*"), Fault(**body), **rule)
    return {"rules": len(sim.faults.rules)}


def _delivery_fault(sim: Controlled, _: str, body: Body) -> Body:
    if body.get("kind") not in DELIVERY_FAULTS or not isinstance(sim.webhooks.faults, DeliveryFaults):
        raise ValueError(f"kind must be one of {', '.join(DELIVERY_FAULTS)}")
    sim.webhooks.faults.add(body.pop("types", "*"), body.pop("kind"), **body)
    return {"rules": len(sim.webhooks.faults.rules)}


def _faults(sim: Controlled, _: str, body: Body) -> Body:
    calls = sim.faults if isinstance(sim.faults, Faults) else None
    sent = sim.webhooks.faults if isinstance(sim.webhooks.faults, DeliveryFaults) else None
    return {
        "calls": [asdict(rule) for rule in calls.rules] if calls else [],
        "deliveries": [asdict(rule) for rule in sent.rules] if sent else [],
        "counts": {**(calls.counts if calls else {}), **(sent.counts if sent else {})},
    }


def _clear_faults(sim: Controlled, _: str, body: Body) -> Body:
    sim.clear_faults()
    return {}


def _clock(sim: Controlled, _: str, body: Body) -> Body:
    sim.advance(float(body["advance_seconds"]))
    return {"now": sim.books.now()}


def _settings(sim: Controlled, _: str, body: Body) -> Body:
    known = {field.name for field in fields(sim.settings)}
    if not body.keys() <= known:
        raise ValueError(f"settings are {', '.join(sorted(known))}")
    read = {name: _like(getattr(sim.settings, name), value) for name, value in body.items()}
    for name, value in read.items():
        setattr(sim.settings, name, value)
    return asdict(sim.settings)


def _like(before: object, value: Any) -> Any:
    """A value of JSON as the setting holds it."""
    if isinstance(before, tuple):
        return tuple(value)
    return Decimal(str(value)) if isinstance(before, Decimal) else value


COMMON: Final[dict[tuple[str, str], Callable[[Controlled, str, Body], Any]]] = {
    ("GET", "faults"): _faults,
    ("POST", "faults"): _fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "delivery_faults"): _delivery_fault,
    ("POST", "clock"): _clock,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _settings,
    ("GET", "truth"): lambda sim, name, body: sim.truth.dump(),
    ("GET", "calls"): lambda sim, name, body: [asdict(call) for call in sim.calls],
    ("GET", "sent"): lambda sim, name, body: [asdict(row) for row in sim.webhooks.sent],
}
