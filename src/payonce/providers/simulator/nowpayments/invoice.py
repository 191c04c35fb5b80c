"""An invoice: a page on which the payer chooses a coin. It has no status; the payments that come of it have."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from payonce.providers.simulator.nowpayments.coins import Coin, Fiat
from payonce.providers.simulator.nowpayments.decimals import number
from payonce.providers.simulator.nowpayments.payment import moment


@dataclass(slots=True)
class Invoice:
    """`coin` is set when the merchant has chosen for the payer."""

    id: int
    token_id: int
    created: float
    price: Decimal
    fiat: Fiat
    coin: Coin | None = None
    order_id: str | None = None
    order_description: str | None = None
    ipn_callback_url: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None
    partially_paid_url: str | None = None
    fixed_rate: bool = False
    fee_paid_by_user: bool = False

    def shown(self, base_url: str) -> dict[str, Any]:
        """What the caller who made it is told. Its id and its price are strings, and its currency is in capitals."""
        return {
            "id": str(self.id),
            "token_id": str(self.token_id),
            "order_id": self.order_id,
            "order_description": self.order_description,
            "price_amount": number(self.price),
            "price_currency": self.fiat.code.upper(),
            "pay_currency": None if self.coin is None else self.coin.code.upper(),
            "ipn_callback_url": self.ipn_callback_url,
            "invoice_url": f"{base_url}/payment/?iid={self.id}",
            "success_url": self.success_url,
            "cancel_url": self.cancel_url,
            "partially_paid_url": self.partially_paid_url,
            "payout_currency": None,
            "created_at": moment(self.created),
            "updated_at": moment(self.created),
            "is_fixed_rate": self.fixed_rate,
            "is_fee_paid_by_user": self.fee_paid_by_user,
        }
