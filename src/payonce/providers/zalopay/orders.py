"""What answers and callbacks say of an order: made, paid, payable, ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from payonce.domain.observation import PaymentSeen, PaymentStatus, Ref
from payonce.providers.contract import Handle, NotDone, Unknown
from payonce.providers.zalopay import codes
from payonce.providers.zalopay.names import attempt_of
from payonce.providers.zalopay.said import Said, Told, undecided
from payonce.providers.zalopay.wire import CURRENCY, Surprise, instant, order_id, paid_amount, transaction_id, whole

_LONGEST_ADDRESS: Final = 2048


def created(said: Said) -> Told | NotDone | Unknown:
    """The order that was made, with the page where it is paid. Only this answer ever names that page."""
    if said.code == codes.SUCCESS:
        seen = _order(said, "open", amount_minor=whole(said.asked.get("amount"), "the amount"))
        return Told(seen, Handle(seen.ref, url=_address(said.found.get("order_url")), expires_at=_end(said.asked)))
    if codes.DUPLICATE_ORDER in (said.code, said.sub):
        # An earlier sending made it and its page is lost: nothing gives it again, only a query tells how it is.
        return Unknown(said.why, key_is_spent=True)
    return undecided(said)


def asked(said: Said) -> Told | NotDone | Unknown:
    """How an order is now. `is_processing` weighs more than a code that says that it ended."""
    if said.code == codes.SUCCESS:
        return Told(paid_order(order_id(said.asked.get("app_trans_id")), said.found))
    at_work = said.found.get("is_processing") is True
    if said.code == codes.PROCESSING:
        return Told(_order(said, "pending" if at_work else "open"))
    if said.code != codes.FAIL:
        return Unknown(said.why)
    if said.sub == codes.NOT_KNOWN:
        return NotDone("not_found", said.why)
    if said.sub == codes.EXPIRED:
        return Told(_order(said, "pending" if at_work else "closed", reason="expired"))
    if said.sub in codes.TRY_FAILED:
        return Told(_order(said, "pending" if at_work else "asks_again", reason=codes.TRY_FAILED[said.sub]))
    return undecided(said)


def closed(said: Said) -> Told | NotDone | Unknown:
    """Whether the order is cancelled. A refusal has one word of ours, because it is read next, whatever its reason."""
    if said.code == codes.SUCCESS:
        return Told(_order(said, "closed", reason="cancelled"))
    return NotDone("not_closable", said.why) if said.code == codes.FAIL else Unknown(said.why)


def paid_order(app_trans_id: str, found: Mapping[str, Any]) -> PaymentSeen:
    """An order that was paid, as a query or a callback tells. Raises Surprise.

    What counts is `amount`, "the amount received": `discount_amount` is what ZaloPay gave the payer, and pays itself.
    """
    amount = paid_amount(found.get("amount"))
    return PaymentSeen(
        ref=Ref("order", app_trans_id),
        status="paid",
        attempt_id=attempt_of(app_trans_id),
        capture=Ref("transaction", transaction_id(found.get("zp_trans_id"))),
        captured_minor=amount,
        amount_minor=amount,
        currency=CURRENCY,
    )


def _order(said: Said, status: PaymentStatus, *, amount_minor: int | None = None, reason: str = "") -> PaymentSeen:
    name = order_id(said.asked.get("app_trans_id"))
    return PaymentSeen(
        Ref("order", name), status, attempt_of(name), amount_minor=amount_minor, currency=CURRENCY, reason=reason
    )


def _address(value: object) -> str:
    """The page where the order is paid. Raises Surprise for what no browser should be sent to."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or not value.isprintable():
        raise Surprise("no page to pay the order on")
    if len(value) > _LONGEST_ADDRESS:
        raise Surprise("the address of the page to pay the order on is too long")
    return value


def _end(fields: Mapping[str, Any]) -> datetime | None:
    """When the order expires: its life counts from the time that it was asked for with."""
    begin, life = instant(fields.get("app_time")), whole(fields.get("expire_duration_seconds"), "a life")
    return begin + timedelta(seconds=life) if begin else None
