"""The things that NOWPayments answers with: a payment, an invoice, a list of payments. None says which it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from payonce.base import strict_json
from payonce.domain.observation import PaymentSeen, Seen
from payonce.providers.nowpayments.payments import (
    attempt_of,
    invoice_by_its_payments,
    read_invoice,
    read_payment,
)
from payonce.providers.nowpayments.signature import canonical
from payonce.providers.nowpayments.wire import Surprise, mapping, name, name_or_none

# A member that no object of NOWPayments' has.
_MARK: Final = "payonce_invoice"


def kind_of(found: Mapping[str, Any]) -> str:
    """Which object it is, by the fields that only that one has; `nothing` for any other."""
    if _MARK in found:
        return "invoice_list"
    if isinstance(found.get("data"), list):
        return "list"
    if "payment_id" in found:
        return "payment"
    return "invoice" if "invoice_url" in found else "nothing"


def read_object(found: Mapping[str, Any]) -> tuple[Seen, ...]:
    """What an answer says, whichever it is. Raises Surprise for anything else."""
    kind = kind_of(found)
    if kind == "payment":
        return read_payment(found)
    if kind == "invoice":
        return (read_invoice(found),)
    if kind == "list":
        return read_list(found)
    if kind == "invoice_list":
        return _read_kept(found)
    raise Surprise("neither payment, invoice nor list")


def read_list(page: Mapping[str, Any]) -> tuple[Seen, ...]:
    """The payments of a list that may concern us: with our attempt's id, or following another payment.

    Others are not even read, so that nothing odd in somebody else's payment can hide ours.
    """
    return tuple(seen for payment in map(mapping, page["data"]) if _is_ours(payment) for seen in read_payment(payment))


def read_invoice_list(invoice: str, page: Mapping[str, Any]) -> tuple[Seen, ...]:
    """An invoice as its payments show it, and those payments. What is another invoice's is left out, should the list
    not be filtered as it was asked to be.
    """
    seen = tuple(
        one for payment in map(mapping, page["data"]) if _is_of(payment, invoice) for one in read_payment(payment)
    )
    payments = [one for one in seen if isinstance(one, PaymentSeen)]
    return (invoice_by_its_payments(invoice, payments), *seen)


def keep_invoice(invoice: str, answer: bytes) -> bytes:
    """The list of an invoice's payments as it is stored: with whose it is, which the list itself does not say. It was
    parsed before, so it is UTF-8.
    """
    return canonical({_MARK: invoice, "answer": answer.decode("utf-8")}).encode("utf-8")


def _read_kept(found: Mapping[str, Any]) -> tuple[Seen, ...]:
    invoice, answer = found.get(_MARK), found.get("answer")
    if not isinstance(answer, str):
        raise Surprise("an invoice without its payments")
    page = strict_json.parse_object(answer.encode("utf-8"), raw_numbers=True)
    if kind_of(page) != "list":
        raise Surprise("an invoice without its payments")
    return read_invoice_list(name(invoice, "the id of an invoice"), page)


def _is_ours(payment: Mapping[str, Any]) -> bool:
    return attempt_of(payment) is not None or payment.get("parent_payment_id") is not None


def _is_of(payment: Mapping[str, Any], invoice: str) -> bool:
    """Whether the payment is the invoice's; documented lists do not name it, and then our own mark must do."""
    named = payment.get("invoice_id")
    return _is_ours(payment) if named is None else name_or_none(named, "the id of an invoice") == invoice
