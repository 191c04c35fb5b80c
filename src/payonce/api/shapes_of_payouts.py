"""How payouts and payees look as JSON; see `shapes`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from payonce.api.times import when
from payonce.base import ids
from payonce.usecases.list_payouts import PayeeSums, PayoutView


def payout_json(payout: PayoutView) -> dict[str, Any]:
    """A payout, and how far its effects are."""
    return {
        "id": ids.show(ids.PAYOUT, payout.id),
        "object": "payout",
        "payee": payout.payee,
        "number": payout.number,
        "currency": payout.currency,
        "amount_minor": payout.amount_minor,
        "gross_minor": payout.gross_minor,
        "carried_minor": payout.carried_minor,
        "order_id": ids.show(ids.ORDER, payout.order_id),
        "made_at": when(payout.made_at),
        "effects": list(payout.effects),
    }


def payee_json(payee: str, sums: Sequence[PayeeSums]) -> dict[str, Any]:
    """What a payee is owed, by currency."""
    return {
        "object": "payee",
        "payee": payee,
        "balances": [
            {
                "currency": each.currency,
                "accrued_minor": each.accrued_minor,
                "held_minor": each.held_minor,
                "reversed_minor": each.reversed_minor,
                "paid_out_minor": each.paid_out_minor,
                "carried_minor": each.carried_minor,
            }
            for each in sums
        ],
    }
