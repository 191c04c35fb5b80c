"""A tiny Acme: charges, refunds, keys and notices, as a party of payonce's suite."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from payonce.base import ids
from payonce.providers.simulator.agenda import Agenda, alone
from payonce.providers.simulator.calls import Course, spoilt
from payonce.providers.simulator.delivery_faults import DeliveryFaults
from payonce.providers.simulator.faults import Faults
from payonce.providers.simulator.letters import Letters, Outgoing
from payonce.providers.simulator.party import Captured, SentBack
from payonce.providers.simulator.wire import Reply, Request, lower_names
from payonce.providers.simulator.world import Now, RandomIds, SeededChance

PAGE_SIZE = 2
CURRENCY = "EUR"


class Refusal(Exception):
    """A status and a code."""


class Payer:
    """Presses Pay."""

    def __init__(self, sim: AcmeSimulator) -> None:
        self.books, self._sim = sim.books, sim

    @alone
    def pay(self, target: str) -> str:
        """Pay the charge of a page or an id."""
        return self._sim.take(target.rpartition("/")[2], "paid")

    @alone
    def pay_slowly(self, target: str) -> str:
        """Pay in a way that is checked first."""
        return self._sim.take(target.rpartition("/")[2], "checking")


class Truth:
    """Acme's own books."""

    def __init__(self, sim: AcmeSimulator) -> None:
        self._sim = sim

    def captures_by_attempt(self) -> dict[UUID, list[Captured]]:
        found: dict[UUID, list[Captured]] = {}
        for row in self._sim.charges.values():
            attempt_id = ids.read_or_none(ids.ATTEMPT, row["reference"])
            if row["received"] and attempt_id:
                found.setdefault(attempt_id, []).append(Captured(row["id"], row["received"], row["currency"]))
        return found

    def refunds_by_id(self) -> dict[UUID, list[SentBack]]:
        found: dict[UUID, list[SentBack]] = {}
        for row in self._sim.refunds.values():
            refund_id = ids.read_or_none(ids.REFUND, row["reference"])
            if refund_id:
                back = SentBack(row["id"], row["charge"], row["amount"], CURRENCY, "succeeded")
                found.setdefault(refund_id, []).append(back)
        return found

    def payable_attempts(self) -> set[UUID]:
        rows = (row["reference"] for row in self._sim.charges.values() if row["status"] == "new")
        return {attempt_id for row in rows if (attempt_id := ids.read_or_none(ids.ATTEMPT, row))}

    def dump(self) -> dict[str, Any]:
        return {"charges": list(self._sim.charges.values()), "refunds": list(self._sim.refunds.values())}


class AcmeSimulator:
    """One account of Acme."""

    def __init__(self, clock: Now, api_key: str, secret: str) -> None:
        chance = SeededChance(1)
        self.books = Agenda(clock, RandomIds(chance), "http://acme.simulator.invalid")
        self.faults, self.charges, self.refunds = Faults(chance), dict[str, Any](), dict[str, Any]()
        self.letters = Letters(self.books, DeliveryFaults(chance), retries=lambda: (60.0, 600.0))
        self.payer, self.truth = Payer(self), Truth(self)
        self.on_news: Callable[[], None] = lambda: None
        self._api_key, self._secret, self._kept = api_key, secret.encode(), dict[str, Reply]()
        self._made = 0

    @property
    def base_url(self) -> str:
        return self.books.base_url

    @base_url.setter
    def base_url(self, value: str) -> None:
        self.books.base_url = value.rstrip("/")

    @alone
    def handle(
        self, method: str, path: str, query: str = "", headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Reply:  # fmt: skip
        """The reply to one request."""
        request = Request(method.upper(), path, query, lower_names(headers), body)
        target = path.split("/")[2] if path.count("/") > 1 else ""
        trouble = Reply(500, (), b'{"error":"trouble"}')
        course = Course(
            lambda: self._once(request), lambda: trouble, lambda seconds: Reply(429, (), b'{"error":"busy"}'),
            lambda method: self._pay_first(target),
        )  # fmt: skip
        reply = spoilt(self.faults.pick(f"{method} {path}", request.text()), course, self.books)
        self.on_news()
        return reply

    @alone
    def due_deliveries(self) -> list[Outgoing]:
        return self.letters.due()

    def delivered(self, delivery_id: int, status: int | None, body: bytes = b"") -> None:
        self.letters.answered(delivery_id, status, body)

    def quiet(self) -> bool:
        return self.letters.quiet()

    def next_due(self) -> float | None:
        return self.letters.next_due()

    def advance(self, seconds: float) -> None:
        self.books.clock.advance(seconds)  # type: ignore[attr-defined]

    def take(self, charge_id: str, status: str) -> str:
        """Let money come, or begin to."""
        charge = self.charges[charge_id]
        if charge["status"] != "new":
            return "refused"
        charge |= {"status": status, "received": charge["amount"] if status == "paid" else 0}
        self._tell("charge", charge, charge["notify_url"])
        return "succeeded" if status == "paid" else "processing"

    def _pay_first(self, charge_id: str) -> None:
        if charge_id in self.charges:
            self.take(charge_id, "paid")

    def _once(self, request: Request) -> Reply:
        """A key is answered as it was the first time."""
        key = request.header("idempotency-key")
        if key is not None and key in self._kept:
            return self._kept[key]
        try:
            if request.header("x-acme-key") != self._api_key:
                raise Refusal(401, "wrong_key")
            reply = Reply(200, (), json.dumps(self._act(request)).encode())
        except Refusal as refusal:
            reply = Reply(refusal.args[0], (), json.dumps({"error": refusal.args[1]}).encode())
        if key is not None:
            self._kept[key] = reply
        return reply

    def _act(self, request: Request) -> dict[str, Any]:
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["charges"]:
                return self._make(json.loads(request.body))
            case "GET", ["charges"]:
                return self._list(asked)
            case "POST", ["refunds"]:
                return self._send_back(json.loads(request.body))
            case "GET", ["refunds"]:
                return {"refunds": [row for row in self.refunds.values() if row["charge"] == asked.get("charge")]}
            case _, ["charges", charge_id, *rest] if charge_id in self.charges:
                charge: dict[str, Any] = self.charges[charge_id]
                if rest == ["void"] and charge["status"] != "new":
                    raise Refusal(422, "not_voidable")
                if rest == ["void"]:
                    charge["status"] = "void"
                return charge
        raise Refusal(404, "unknown")

    def _make(self, told: dict[str, Any]) -> dict[str, Any]:
        name = self._name("ch")
        made = {"id": name, "status": "new", "received": 0, "page": f"{self.base_url}/pay/{name}"}
        self.charges[name] = told | made | {"created": self.books.now()}
        return dict(self.charges[name])

    def _list(self, asked: dict[str, str]) -> dict[str, Any]:
        until = int(asked["until"]) if "until" in asked else self.books.now()
        # The newest first.
        rows = reversed(self.charges.items())
        names = [n for n, row in rows if int(asked["since"]) <= row["created"] <= until]
        begin = names.index(asked["after"]) + 1 if "after" in asked else 0
        page = names[begin : begin + PAGE_SIZE]
        return {"charges": [self.charges[name] for name in page], "more": begin + PAGE_SIZE < len(names)}

    def _send_back(self, told: dict[str, Any]) -> dict[str, Any]:
        charge = self.charges.get(told["charge"])
        gone = sum(row["amount"] for row in self.refunds.values() if row["charge"] == told["charge"])
        if charge is None or told["amount"] > charge["received"] - gone:
            raise Refusal(422, "too_much")
        made = told | {"id": self._name("re"), "status": "done", "currency": charge["currency"]}
        self.refunds[made["id"]] = made
        self._tell("refund", made, charge["notify_url"])
        return made

    def _tell(self, kind: str, row: dict[str, Any], url: str) -> None:
        body = json.dumps({"id": self._name("ev"), kind: row}).encode()
        mark = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        self.letters.write(kind, row["id"], url, (("Acme-Signature", mark),), body)

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"{kind}_{self._made}"
