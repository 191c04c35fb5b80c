"""What a provider is answered when it delivered something, in its own words. The adapter of its account says them."""

from __future__ import annotations

from payonce.providers.contract import Acknowledged, Acknowledgement
from payonce.usecases.answers import Received
from payonce.usecases.world import World


def acknowledged(received: Received) -> Acknowledged:
    """What the provider is told. What came before and could not be applied yet is not done: it counts as accepted."""
    if received.verdict == "duplicate" and received.outcome == "failed":
        return "accepted"
    return received.verdict


def acknowledge(
    world: World, merchant_id: str, provider: str, account: str | None, what: Acknowledged
) -> Acknowledgement:
    """As the account says it that verified or was named; else as the merchant's first account of the provider does."""
    keys = [key for key in world.accounts_of(merchant_id, provider) if account in (None, key[1])]
    return world.looker(*keys[0]).acknowledge(what)


def acknowledgement_of(world: World, merchant_id: str, received: Received) -> Acknowledgement:
    """The answer to what was received."""
    return acknowledge(world, merchant_id, received.provider, received.account or None, acknowledged(received))
