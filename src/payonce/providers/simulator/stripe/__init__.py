"""A stand-in for Stripe: speaks its wire protocol, keeps its own truth, and misbehaves on request.

It is a reading of the protocol of its own: it imports nothing from the adapter, and the adapter nothing from it.
Begin with `simulator`; `kept` is the one that survives restarts; `serve` starts either on a port, `direct` without one.
"""

from payonce.providers.simulator.stripe.settings import Settings
from payonce.providers.simulator.stripe.simulator import StripeSimulator

__all__ = ["Settings", "StripeSimulator"]
