"""ZaloPay's own truth: orders and refunds by the names that the merchant gave them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, Literal

from payonce.providers.simulator.agenda import Agenda
from payonce.providers.simulator.zalopay.settings import Settings

VIETNAM: Final = timezone(timedelta(hours=7))
State = Literal["open", "processing", "paid", "cancelled", "expired"]
RefundState = Literal["processing", "succeeded", "failed"]


@dataclass(slots=True)
class Order:
    """What a payer is asked for. `ended` is the state that it was brought to; its end by the clock is seen by `state`.

    `visible_at` is when a query begins to tell of the money; `trouble` the code of the last try that failed.
    """

    app_trans_id: str
    app_user: str
    app_time: int
    amount: int
    description: str
    item: str
    embed_data: str
    callback_url: str
    token: str
    created: float
    expires_at: float
    ended: Literal["processing", "paid", "cancelled"] | None = None
    zp_trans_id: int = 0
    discount: int = 0
    paid_at: float = 0.0
    visible_at: float = 0.0
    trouble: int | None = None
    cancelled_at: float = 0.0

    def state(self, now: float) -> State:
        """Where the order is. Money that is on its way when the time is over still arrives."""
        if self.ended is not None:
            return self.ended
        return "open" if now < self.expires_at else "expired"

    def redirect_url(self) -> str:
        """Where the merchant wants the payer back, or nothing."""
        told = json.loads(self.embed_data).get("redirecturl")
        return told if isinstance(told, str) else ""

    def shown(self, now: float) -> dict[str, Any]:
        """The order for those who look behind the scenes."""
        return {
            "app_trans_id": self.app_trans_id,
            "app_user": self.app_user,
            "amount": self.amount,
            "description": self.description,
            "state": self.state(now),
            "created": self.created,
            "expires_at": self.expires_at,
            "paid_at": self.paid_at,
            "visible_at": self.visible_at,
            "zp_trans_id": self.zp_trans_id,
            "discount_amount": self.discount,
            "embed_data": self.embed_data,
            "callback_url": self.callback_url,
        }


@dataclass(slots=True)
class Refund:
    """Money on its way back. `by_merchant`: asked for by the API, not made in the merchant's own tool."""

    m_refund_id: str
    refund_id: int
    app_trans_id: str
    zp_trans_id: int
    amount: int
    description: str
    created: float
    state: RefundState = "processing"
    sub_code: int = 0
    by_merchant: bool = True

    def shown(self) -> dict[str, Any]:
        """The refund for those who look behind the scenes."""
        return {
            "m_refund_id": self.m_refund_id,
            "refund_id": self.refund_id,
            "app_trans_id": self.app_trans_id,
            "zp_trans_id": self.zp_trans_id,
            "amount": self.amount,
            "description": self.description,
            "state": self.state,
            "created": self.created,
        }


@dataclass(slots=True)
class Books(Agenda):
    """Orders and refunds in the order in which they were made. `on_paid` is called with every order that is paid,
    `on_refund` with every refund that was begun.
    """

    settings: Settings
    orders: dict[str, Order] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    by_token: dict[str, str] = field(default_factory=dict)
    by_transaction: dict[str, str] = field(default_factory=dict)
    on_paid: Callable[[Order], None] = lambda order: None
    on_refund: Callable[[Refund], None] = lambda refund: None
    numbered: int = 0

    def today(self) -> str:
        """The date in Vietnam as ids begin with it: `yymmdd`."""
        return datetime.fromtimestamp(self.now(), UTC).astimezone(VIETNAM).strftime("%y%m%d")

    def number(self) -> int:
        """A new number of a transaction or a refund: the date and nine digits."""
        self.numbered += 1
        return int(f"{self.today()}{self.numbered:09d}")

    def milliseconds(self) -> int:
        """Now, as ZaloPay writes it."""
        return int(self.now() * 1000)
