"""What answers say of a refund: taken on, under way, succeeded, failed."""

from __future__ import annotations

from payonce.base import ids
from payonce.domain.observation import Ref, RefundSeen, RefundStatus
from payonce.providers.contract import NotDone, Unknown
from payonce.providers.zalopay import codes
from payonce.providers.zalopay.names import refund_of
from payonce.providers.zalopay.said import Said, Told, undecided
from payonce.providers.zalopay.wire import CURRENCY, Surprise, paid_amount, transaction_id


def asked_for(said: Said) -> Told | NotDone | Unknown:
    """Whether a refund was taken on. More is not said even by success: "the answer only confirms that the request was
    received", so that it is pending until a query says how it ended.
    """
    if said.code in (codes.SUCCESS, codes.PROCESSING):
        return Told(_refund(said, "pending", said.asked.get("zp_trans_id"), said.asked.get("amount")))
    if codes.DUPLICATE_REFUND in (said.code, said.sub):
        # An earlier sending made it: it is looked for, and never taken for refused.
        return Unknown(said.why, key_is_spent=True)
    if said.code == codes.FAIL and said.sub in codes.REFUND_REFUSED:
        return NotDone(codes.REFUND_REFUSED[said.sub], said.why)
    return undecided(said)


def looked_for(said: Said) -> Told | NotDone | Unknown:
    """How a refund stands."""
    amount, paid_by = said.asked.get("_amount"), said.asked.get("_zp_trans_id")
    if said.code == codes.SUCCESS:
        return Told(_refund(said, "succeeded", paid_by, amount))
    if said.code == codes.PROCESSING or (said.code == codes.FAIL and said.sub in codes.REFUND_GOES_ON):
        return Told(_refund(said, "pending", paid_by, amount))
    if said.code == codes.FAIL and said.sub == codes.NOT_KNOWN:
        return NotDone("not_found", said.why)
    if said.code == codes.FAIL and said.sub in codes.REFUND_FAILED:
        return Told(_refund(said, "failed", paid_by, amount, codes.REFUND_FAILED[said.sub]))
    return undecided(said)


def _refund(said: Said, status: RefundStatus, paid_by: object, amount: object, reason: str = "") -> RefundSeen:
    """The refund that was asked about; the answer itself names none. Raises Surprise."""
    name, attempt = said.asked.get("m_refund_id"), said.asked.get("_attempt")
    refund_id = refund_of(name) if isinstance(name, str) else None
    if refund_id is None:
        raise Surprise("it was asked for no refund of ours")
    return RefundSeen(
        ref=Ref("refund", str(name)),
        status=status,
        capture=Ref("transaction", transaction_id(paid_by)),
        amount_minor=paid_amount(amount),
        currency=CURRENCY,
        attempt_id=ids.read_or_none(ids.ATTEMPT, attempt) if isinstance(attempt, str) else None,
        refund_id=refund_id,
        reason=reason,
    )
