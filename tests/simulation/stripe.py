"""The account that simulations pay through. Composition is the tests' matter here, as it is the service's elsewhere."""

from __future__ import annotations

from payonce.providers.contract import Adapter
from payonce.providers.stripe.adapter import StripeAdapter


def adapter(webhook_secret: str) -> Adapter:
    """A Stripe test account, at an address that nobody has."""
    return StripeAdapter("sk_test_simulation_1234567890", [webhook_secret], api_base="http://stripe.invalid")
