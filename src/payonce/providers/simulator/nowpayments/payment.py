"""A payment: one address, what it should get, and what came. It looks different in each place where it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from payonce.providers.simulator.nowpayments.coins import Coin, Fiat

Status = Literal[
    "waiting",
    "confirming",
    "confirmed",
    "sending",
    "finished",
    "partially_paid",
    "failed",
    "refunded",
    "expired",
    "cancelled",
]
UNTOUCHED: Final = ("waiting", "expired", "cancelled")
ON_THE_WAY: Final = ("confirming", "confirmed", "sending")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the merchant is paid out, and what the provider keeps."""

    amount: Decimal
    fee: Decimal
    currency: str


@dataclass(slots=True)
class Payment:
    """`paid` is None until a deposit is seen; `settled` means that the merchant has its money, whatever was changed by
    hand since. `parent` is the payment whose address a repeated deposit went to.
    """

    id: int
    purchase_id: int
    created: float
    updated: float
    price: Decimal
    fiat: Fiat
    amount: Decimal
    coin: Coin
    address: str
    memo: str | None
    outcome: Outcome
    quoted_until: float
    expires: float
    order_id: str | None = None
    order_description: str | None = None
    ipn_callback_url: str | None = None
    invoice: int | None = None
    parent: int | None = None
    fixed_rate: bool = False
    fee_paid_by_user: bool = False
    status: Status = "waiting"
    paid: Decimal | None = None
    settled: bool = False
    repeated: list[int] = field(default_factory=list)

    def made(self) -> dict[str, Any]:
        """What the caller who made it is told. Its ids are strings here."""
        return {
            "payment_id": str(self.id),
            "payment_status": self.status,
            "pay_address": self.address,
            "price_amount": self.price,
            "price_currency": self.fiat.code,
            "pay_amount": self.amount,
            "pay_currency": self.coin.code,
            "order_id": self.order_id,
            "order_description": self.order_description,
            "payin_extra_id": self.memo,
            "ipn_callback_url": self.ipn_callback_url,
            "created_at": moment(self.created),
            "updated_at": moment(self.updated),
            "purchase_id": str(self.purchase_id),
            "amount_received": None,
            "smart_contract": None,
            "network": self.coin.network,
            "network_precision": self.coin.places,
            "time_limit": None,
            "burning_percent": None,
            "expiration_estimate_date": moment(self.quoted_until),
            "is_fixed_rate": self.fixed_rate,
            "is_fee_paid_by_user": self.fee_paid_by_user,
            "valid_until": moment(self.expires),
            "type": "crypto2crypto",
        }

    def shown(self, *, with_parent: bool) -> dict[str, Any]:
        """What reads and lists tell. Its id is a number here, and that of the purchase a string."""
        parent = {"parent_payment_id": self.parent} if with_parent else {}
        return {
            "payment_id": self.id,
            **parent,
            "invoice_id": self.invoice,
            "payment_status": self.status,
            "pay_address": self.address,
            "payin_extra_id": self.memo,
            "price_amount": self.price,
            "price_currency": self.fiat.code,
            "pay_amount": self.amount,
            "actually_paid": self.paid or Decimal(0),
            "pay_currency": self.coin.code,
            "order_id": self.order_id,
            "order_description": self.order_description,
            "purchase_id": str(self.purchase_id),
            "outcome_amount": self.outcome.amount,
            "outcome_currency": self.outcome.currency,
            "payout_hash": None,
            "payin_hash": None,
            "created_at": moment(self.created),
            "updated_at": moment(self.updated),
            "burning_percent": None,
            "type": "crypto2crypto",
            "payment_extra_ids": list(self.repeated) or None,
        }

    def told(self) -> dict[str, Any]:
        """What a notice says: no moment and no id of its own, so that an old one cannot be told from a new one."""
        return {
            "payment_id": self.id,
            "parent_payment_id": self.parent,
            "invoice_id": self.invoice,
            "payment_status": self.status,
            "pay_address": self.address,
            "payin_extra_id": self.memo,
            "price_amount": self.price,
            "price_currency": self.fiat.code,
            "pay_amount": self.amount,
            "actually_paid": self.paid or Decimal(0),
            "actually_paid_at_fiat": 0,
            "pay_currency": self.coin.code,
            "order_id": self.order_id,
            "order_description": self.order_description,
            "purchase_id": str(self.purchase_id),
            "outcome_amount": self.outcome.amount,
            "outcome_currency": self.outcome.currency,
            "payment_extra_ids": list(self.repeated) or None,
            "fee": {
                "currency": self.outcome.currency,
                "depositFee": 0,
                "withdrawalFee": 0,
                "serviceFee": self.outcome.fee,
            },
        }


def moment(at: float) -> str:
    """Unix seconds as the provider writes them."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
