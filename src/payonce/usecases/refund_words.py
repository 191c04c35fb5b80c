"""How a refund is told to people: which money, where it is, since when, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from payonce.base import money
from payonce.domain.refund import POLICY
from payonce.usecases.answers import RefundView

# What the reasons of the policy say about the money.
_MONEY: Final[Mapping[str, str]] = {
    "second_charge": "the second payment of {amount}",
    "over_payment": "the {amount} paid too much",
    "late_payment": "the late payment of {amount}",
    "unfinished": "the {amount} paid of an order that was not finished",
}
_WHY: Final[Mapping[str, str]] = {
    "above_limit": "it is above what may go back by itself",
    "above_day_limit": "it is above what may go back by itself on one day",
    "order_money_returned": "the order's own money went back already",
    "unconfirmed": "its provider cannot be asked whether it came",
    "less_left": "the money went back otherwise",
    "reopened": "it serves the order again",
}


def in_words(refund: RefundView) -> str:
    """The refund as a sentence without its full stop: `the second payment of 45.00 USD is on its way back since …`."""
    amount = money.show(refund.amount_minor, refund.currency)
    usual = "{amount} of the order's money" if refund.serves == "order" else "{amount} of surplus"
    known = _MONEY.get(refund.reason, usual) if refund.asked_by == POLICY or refund.reason in _MONEY else usual
    return f"{known.format(amount=amount)} {_where(refund)}"


def _where(refund: RefundView) -> str:
    why = _WHY.get(refund.decline or "", refund.decline or "nobody said why")
    return {
        "planned": f"waits for approval since {_at(refund.created_at)}: {why}",
        "due": f"goes back from {_at(refund.due_at)} on",
        "sending": f"is being sent back since {_at(refund.sent_at)}",
        "in_doubt": f"was sent back at {_at(refund.sent_at)}, and the answer is not known",
        "sent": f"is on its way back since {_at(refund.sent_at)}",
        "succeeded": f"went back at {_at(refund.ended_at)}",
        "failed": f"did not go back: {why}",
        "cancelled": f"is not sent back: {why}",
    }[refund.state]


def _at(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant is not None else "an unknown time"
