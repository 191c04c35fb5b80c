"""A stand-in for ZaloPay: speaks OpenAPI v2 on the wire, keeps its own truth, and misbehaves on request.

It is a reading of the protocol of its own: it imports nothing from the adapter, and the adapter nothing from it.
Begin with `simulator`; `orders` and `refunds` are the five calls; `callbacks` tells the merchant of money.
"""

from payonce.providers.simulator.zalopay.settings import Settings
from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator

__all__ = ["Settings", "ZaloPaySimulator"]
