"""What balance transactions say: every movement of the account's money, with its fee, and the object behind it.

They are the truth about money at Stripe. A transaction whose source came expanded names the payment, refund or dispute
that it is about; one that cannot be read so is kept as `other`, so that the sums are whole whatever is new there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from payonce.base import strict_json
from payonce.base.errors import Refused
from payonce.base.money import EXPONENTS
from payonce.domain.observation import Ref
from payonce.domain.reconciliation import MoneyRecord, Nature
from payonce.providers.contract import Call, NotDone, Unknown
from payonce.providers.money import MoneyPage
from payonce.providers.stripe.answers import refused
from payonce.providers.stripe.marks import attempt_of, capture_of, ref_of
from payonce.providers.stripe.wire import Surprise, currency_of, from_wire, instant, mapping, name, whole, word
from payonce.providers.transport import Answer

# By `reporting_category`, which is there for this ("Reporting categories", docs.stripe.com/reports); then by the kind
# of the source. Whatever has no row moves money that no order knows.
NATURE: Final[Mapping[str, Nature]] = {
    "charge": "charge",
    # A bank debit that was taken back after it had succeeded.
    "charge_failure": "charge",
    "refund": "refund",
    "refund_failure": "refund",
    "dispute": "dispute",
    "dispute_reversal": "dispute",
}
_SOURCES: Final[Mapping[Nature, str]] = {"charge": "charge", "refund": "refund", "dispute": "dispute"}


def understand(call: Call, answer: Answer) -> MoneyPage | NotDone | Unknown:
    """The records of a page. Raises nothing, whatever the bytes."""
    try:
        return _page(answer) if 200 <= answer.status < 300 else refused(call, answer)
    except (Refused, Surprise) as error:
        return Unknown(f"the answer was not understood: {error}"[:200])
    except Exception as error:
        return Unknown(f"the answer was not understood: {type(error).__name__}")


def _page(answer: Answer) -> MoneyPage:
    page = strict_json.parse_object(answer.body)
    data, more = page.get("data"), page.get("has_more")
    if page.get("object") != "list" or not isinstance(data, list) or not isinstance(more, bool):
        raise Surprise("no list")
    if more and not data:
        raise Surprise("an empty page that is not the last")
    rows = [mapping(one) for one in data]
    following = name(rows[-1].get("id"), "the id of the last transaction") if more else None
    return MoneyPage(tuple(map(read_transaction, rows)), following)


def read_transaction(found: Mapping[str, Any]) -> MoneyRecord:
    """One balance transaction. Raises Surprise where its own amounts are not to be read."""
    currency = currency_of(found.get("currency"))
    amount, fee = _signed(found.get("amount"), currency), _signed(found.get("fee"), currency)
    source = mapping(found.get("source"))
    category = word(found.get("reporting_category")) or word(found.get("type"))
    nature = NATURE.get(category, "other")
    kind = word(found.get("type")) or "unknown"
    ref, at = name(found.get("id"), "the id of a transaction"), _instant(found.get("created"))
    plain = MoneyRecord(ref, "other", kind, at, amount, fee, currency)
    if nature == "other" or source.get("object") != _SOURCES[nature]:
        return plain
    try:
        object_currency = currency_of(source.get("currency"))
        payer_side = _payer_side(source, object_currency, nature)
        return replace(
            plain,
            nature=nature,
            object=_object_of(source, nature),
            object_minor=payer_side if amount >= 0 else -payer_side,
            object_currency=object_currency,
            capture=capture_of(source) if nature != "charge" else None,
            attempt_id=attempt_of(source),
        )
    except Surprise:
        # One odd object must not hide all that is listed with it: it counts in the sums.
        return plain


def _object_of(source: Mapping[str, Any], nature: Nature) -> Ref:
    """What we know the object by: a charge by its payment intent, which its money is counted by."""
    own = Ref(nature, name(source.get("id"), f"the id of a {nature}"))
    return ref_of("payment_intent", source.get("payment_intent")) or own if nature == "charge" else own


def _payer_side(source: Mapping[str, Any], currency: str, nature: Nature) -> int:
    """What the payer paid or got back, in the currency of the payment; the balance may be in another one."""
    amount = source.get("amount_captured", source.get("amount")) if nature == "charge" else source.get("amount")
    return from_wire(amount, currency)


def _signed(value: object, currency: str) -> int:
    """A signed amount in minor units of ISO 4217."""
    wire = whole(value, "an amount")
    if currency not in EXPONENTS:
        return wire
    return from_wire(wire, currency) if wire >= 0 else -from_wire(-wire, currency)


def _instant(value: object) -> datetime:
    at = instant(value)
    if at is None:
        raise Surprise("a transaction without its time")
    return at
