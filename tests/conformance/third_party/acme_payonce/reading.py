"""What Acme's objects say in payonce's words. What is not as documented raises Surprise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from payonce.base import ids
from payonce.base.money import EXPONENTS, LARGEST_MINOR
from payonce.domain.observation import PaymentSeen, PaymentStatus, Ref, RefundSeen, RefundStatus

CHARGE: Final[Mapping[str, PaymentStatus]] = {
    "new": "open", "checking": "pending", "paid": "paid", "void": "closed",
}  # fmt: skip
REFUND: Final[Mapping[str, RefundStatus]] = {"done": "succeeded"}
_ID: Final = re.compile(r"(ch|re|ev)_[0-9]{1,12}")


class Surprise(Exception):
    """A value from Acme that its documentation does not know."""


def read_charge(charge: Mapping[str, Any]) -> PaymentSeen:
    """A charge, which its own money is counted by."""
    ref = Ref("charge", name(charge.get("id")))
    reference = charge.get("reference")
    return PaymentSeen(
        ref=ref,
        status=CHARGE.get(str(charge.get("status")), "unknown"),
        attempt_id=ids.read_or_none(ids.ATTEMPT, reference) if isinstance(reference, str) else None,
        capture=ref,
        captured_minor=amount(charge.get("received")),
        amount_minor=amount(charge.get("amount")),
        currency=currency(charge.get("currency")),
    )


def read_refund(refund: Mapping[str, Any]) -> RefundSeen:
    """A refund; ours by its reference."""
    reference = refund.get("reference")
    return RefundSeen(
        ref=Ref("refund", name(refund.get("id"))),
        status=REFUND.get(str(refund.get("status")), "unknown"),
        capture=Ref("charge", name(refund.get("charge"))),
        amount_minor=amount(refund.get("amount")),
        currency=currency(refund.get("currency")),
        refund_id=ids.read_or_none(ids.REFUND, reference) if isinstance(reference, str) else None,
    )


def name(value: object) -> str:
    """An id of Acme's. Raises Surprise."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Surprise("no id")
    return value


def amount(value: object) -> int:
    """An amount in minor units. Raises Surprise."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_MINOR:
        raise Surprise("no amount")
    return value


def currency(value: object) -> str:
    """A currency of ISO 4217. Raises Surprise."""
    if not isinstance(value, str) or value not in EXPONENTS:
        raise Surprise("no currency")
    return value
