"""A stand-in for NOWPayments: speaks its wire protocol, keeps its own truth, and misbehaves on request.

It is a reading of the protocol of its own: it imports nothing from the adapter, and the adapter nothing from it.
Begin with `simulator`; `kept` is the one that survives restarts; `chain` is where coins arrive.
"""

from payonce.providers.simulator.nowpayments.settings import Settings
from payonce.providers.simulator.nowpayments.simulator import NowPaymentsSimulator

__all__ = ["NowPaymentsSimulator", "Settings"]
