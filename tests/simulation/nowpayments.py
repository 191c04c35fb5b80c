"""The account of NOWPayments that simulations pay through."""

from __future__ import annotations

from payonce.providers.contract import Adapter
from payonce.providers.nowpayments.adapter import NowPaymentsAdapter


def adapter(secret: str) -> Adapter:
    """An account at an address that nobody has, whose list of payments is open."""
    return NowPaymentsAdapter(
        secret, secret, api_base="http://nowpayments.invalid", email="merchant@shop.invalid", password=secret
    )
