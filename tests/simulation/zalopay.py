"""The application of ZaloPay that simulations pay through."""

from __future__ import annotations

from payonce.providers.contract import Adapter
from payonce.providers.simulator.zalopay.settings import SANDBOX_APP
from payonce.providers.zalopay.adapter import ZaloPayAdapter


def adapter(secret: str) -> Adapter:
    """An application at an address that nobody has."""
    return ZaloPayAdapter(SANDBOX_APP, secret, [secret], api_base="http://zalopay.invalid")
