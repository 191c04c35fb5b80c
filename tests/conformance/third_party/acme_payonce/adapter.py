"""One account of Acme: requests as exact bytes, answers and notices as observations. Pure: no I/O, no clock."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote, urlencode
from uuid import UUID

from acme_payonce.reading import Surprise, name, read_charge, read_refund
from payonce.base import ids, strict_json
from payonce.base.errors import Refused
from payonce.domain.observation import Observation, Ref, Seen, Source
from payonce.providers.contract import (
    Acknowledged,
    Acknowledgement,
    Ask,
    Call,
    Capabilities,
    Done,
    Flow,
    Forged,
    Handle,
    Listing,
    Mode,
    NotDone,
    Outcome,
    RefundAsk,
    Unknown,
    Unreadable,
    Verdict,
    Verified,
    plain_acknowledgement,
)
from payonce.providers.listing import Entry, Page
from payonce.providers.transport import Answer, Request

# Acme keeps keys for a day; an hour of slack.
KEY_LIFE_SECONDS = 23 * 3600
NO = frozenset({400, 401, 404, 422, 429})


class AcmeAdapter:
    """Implements `contract.Adapter`, `contract.SendsBack` and `listing.Lists`. It is a test account wherever it is."""

    mode: Mode = "test"
    provider = "acme"

    def __init__(self, api_key: str, secret: str, *, api_base: str, account: str = "main") -> None:
        self.account = account
        self._api_key, self._secret, self._api_base = api_key, secret.encode(), api_base.rstrip("/")

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            flows=("charge",), idempotency="key", idempotency_life_seconds=KEY_LIFE_SECONDS, can_close=True,
            can_find=True, confirm_by_read=False, shortest_session_seconds=None, smallest_minor={"EUR": 100},
            handled_events=("charge", "refund"), currencies=frozenset({"EUR"}), refund="sync",
            refund_life_seconds=KEY_LIFE_SECONDS, lists=(Listing("charges", overlap_seconds=3600),),
        )  # fmt: skip

    def create(self, ask: Ask) -> Call:
        why = self.capabilities.why_not(ask.amount_minor, ask.currency)
        if why is not None:
            raise Refused(why, code="amount_not_payable", param="amount_minor")
        attempt = ids.show(ids.ATTEMPT, ask.attempt_id)
        told = {"reference": attempt, "amount": ask.amount_minor, "currency": ask.currency, "text": ask.description}
        told |= {"return_url": ask.success_url, "notify_url": ask.callback_url}
        return _post("create", "/charges", told, f"{attempt}:create")

    def read(self, ref: Ref) -> Call:
        return Call("read", "GET", f"/charges/{quote(ref.id, safe='')}")

    def close(self, ref: Ref, attempt_id: UUID) -> Call:
        return Call("close", "POST", f"/charges/{quote(ref.id, safe='')}/void")

    def find(self, flow: Flow, since: datetime, until: datetime, page: str | None) -> Call:
        query = {"since": str(int(since.timestamp())), "until": str(int(until.timestamp()))}
        return Call("find", "GET", f"/charges?{urlencode(query | ({'after': page} if page else {}))}")

    def list_page(self, which: str, since: datetime, until: datetime | None, page: str | None) -> Call:
        query = {"since": str(int(since.timestamp()))} | ({"until": str(int(until.timestamp()) + 1)} if until else {})
        return Call("list", "GET", f"/{which}?{urlencode(query | ({'after': page} if page else {}))}")

    def listed(self, call: Call, answer: Answer) -> Page | NotDone | Unknown:
        try:
            found = strict_json.parse_object(answer.body)
            if answer.status != 200:
                return Unknown(f"Acme answered {answer.status}")
            rows = _rows(found, "charges")
            more = name(rows[-1].get("id")) if found.get("more") is True and rows else None
            return Page(tuple(Entry(json.dumps(row, default=float).encode(), _made_at(row)) for row in rows), more)
        except (Refused, Surprise) as error:
            return Unknown(f"the list was not understood: {error}"[:200])

    def own_ref(self, call: Call) -> Ref | None:
        return None

    def refund(self, ask: RefundAsk) -> Call:
        reference = ids.show(ids.REFUND, ask.refund_id)
        told = {"charge": ask.capture.id, "amount": ask.amount_minor, "reference": reference}
        return _post("refund", "/refunds", told, f"refund:{reference}")

    def look_for_refund(self, ask: RefundAsk, call: Call, now: datetime) -> Call:
        return Call("look_for_refund", "GET", f"/refunds?{urlencode({'charge': ask.capture.id})}")

    def request(self, call: Call) -> Request:
        headers = [("x-acme-key", self._api_key), ("content-type", "application/json")]
        if call.idempotency_key is not None:
            headers.append(("idempotency-key", call.idempotency_key))
        return Request(call.method, self._api_base + call.path, tuple(headers), call.body)

    def understand(self, call: Call, answer: Answer) -> Outcome:
        try:
            found = strict_json.parse_object(answer.body)
            if answer.status not in (200, 201):
                return self._refused(call, answer.status, found)
            return self._done(call, found, answer.body)
        except (Refused, Surprise) as error:
            return Unknown(f"the answer was not understood: {error}"[:200])

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Verdict:
        mark = hmac.new(self._secret, body, hashlib.sha256).hexdigest().encode()
        told = headers.get("acme-signature", "").encode("utf-8", "replace")
        return self.again(body, "webhook") if hmac.compare_digest(mark, told) else Forged("no signature matches")

    def again(self, body: bytes, source: Literal["webhook", "poll", "backfill"]) -> Verified | Unreadable:
        key = f"sha256:{hashlib.sha256(body).hexdigest()}"
        try:
            found = strict_json.parse_object(body)
            if source != "webhook":
                return Verified(key, source, None, False, None, True, self._observe(source, read_charge(found)))
            kind = next((each for each in ("charge", "refund") if isinstance(found.get(each), dict)), "other")
            readers: dict[str, Callable[[Any], Seen]] = {"charge": read_charge, "refund": read_refund}
            reader = readers.get(kind)
            seen = self._observe("webhook", reader(found[kind])) if reader else ()
            return Verified(name(found.get("id")), kind, None, False, None, reader is not None, seen)
        except (Refused, Surprise) as error:
            return Unreadable(key, str(error)[:200])

    def acknowledge(self, what: Acknowledged) -> Acknowledgement:
        return plain_acknowledgement(what)

    def _done(self, call: Call, found: Mapping[str, Any], body: bytes) -> Outcome:
        if call.operation == "find":
            rows = _rows(found, "charges")
            ours = [row for row in map(read_charge, rows) if row.attempt_id is not None]
            more = name(rows[-1].get("id")) if found.get("more") is True and rows else None
            return Done(self._observe("poll", *ours), next_page=more)
        if call.operation == "look_for_refund":
            return Done(self._observe("poll", *map(read_refund, _rows(found, "refunds"))), body=body)
        if call.operation == "refund":
            return Done(self._observe("answer", read_refund(found)), body=body)
        seen, page = read_charge(found), found.get("page")
        handle = Handle(seen.ref, url=page) if seen.status == "open" and isinstance(page, str) else None
        source: Source = "poll" if call.operation == "read" else "answer"
        return Done(self._observe(source, seen), handle, body)

    def _refused(self, call: Call, status: int, found: Mapping[str, Any]) -> Outcome:
        code = found.get("error")
        if status not in NO or not isinstance(code, str):
            return Unknown(f"Acme answered {status}")
        if status == 404 and call.operation in ("read", "close"):
            return NotDone("not_found", "Acme knows no such charge")
        return NotDone("not_closable" if call.operation == "close" else code[:100], code[:100], status == 429)

    def _observe(self, source: Source, *seen: Seen) -> tuple[Observation, ...]:
        return tuple(Observation(self.provider, self.account, source, one, False) for one in seen)


def _post(operation: str, path: str, told: Mapping[str, Any], key: str) -> Call:
    return Call(operation, "POST", path, json.dumps(told).encode(), key)


def _made_at(row: Mapping[str, Any]) -> datetime | None:
    """When Acme made it: seconds, with a fraction."""
    made = row.get("created")
    return datetime.fromtimestamp(float(made), UTC) if isinstance(made, int | Decimal) else None


def _rows(found: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    rows = found.get(member)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Surprise("no list")
    return rows
