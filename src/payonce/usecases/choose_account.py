"""Choose the account that a payment goes through: the first of the merchant's that takes the amount and its currency.

What no account can ever take is refused where it is asked for, with each provider's reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from payonce.base.errors import Refused
from payonce.base.money import show
from payonce.domain.book import Book
from payonce.domain.checkout import Terms
from payonce.usecases.world import World

Key = tuple[str, str]


def offers(
    world: World, merchant_id: str, *, provider: str | None, account: str | None, flow: str | None,
    after_attempt: int | None,
) -> tuple[Terms, ...]:  # fmt: skip
    """The terms of every account that fits what was asked for, in the order of configuration.

    Raises Refused `provider_unknown` and, where none of these accounts has the flow, `flow_unknown`.
    """
    keys = [key for key in world.accounts_of(merchant_id, provider) if account in (None, key[1])]
    if not keys:
        raise Refused("no such provider account is configured", code="provider_unknown", param="provider")
    found = []
    for key in keys:
        capabilities = world.looker(*key).capabilities
        wanted = flow or world.flows.get(key, capabilities.flows[0])
        if wanted in capabilities.flows:
            life = timedelta(seconds=capabilities.idempotency_life_seconds)
            smallest = capabilities.smallest_minor
            found.append(Terms(*key, wanted, life, after_attempt, smallest, provider, account, flow))
    if not found:
        known = "; ".join(f"{key[0]} has {', '.join(world.looker(*key).capabilities.flows)}" for key in keys)
        raise Refused(f"there is no flow {flow!r:.40} here: {known}", code="flow_unknown", param="flow")
    return tuple(found)


def terms_for(world: World, terms: Sequence[Terms], book: Book) -> Terms:
    """The terms of a click on the purpose as it stands. A live attempt is repeated by what its own provider keeps."""
    newest, live = book.newest(), book.live_attempt()
    chosen = first_that_takes(world, terms, max(newest.missing_minor, 0), newest.currency) or _nearest(
        world, terms, newest.currency
    )
    till = world.tills.get((live.provider, live.account)) if live is not None else None
    if till is None:
        return chosen
    return replace(chosen, key_life=timedelta(seconds=till.capabilities.idempotency_life_seconds))


def first_that_takes(world: World, terms: Sequence[Terms], amount_minor: int, currency: str) -> Terms | None:
    """The first terms whose account takes the amount."""
    for each in terms:
        if world.looker(each.provider, each.account).capabilities.why_not(amount_minor, currency) is None:
            return each
    return None


def refuse_unpayable(world: World, keys: Sequence[Key], amount_minor: int, currency: str) -> None:
    """Raise Refused `amount_not_payable` where none of the accounts can ever take the amount; its detail says why, by
    provider. Where there is no account, nothing is known and nothing refused.
    """
    reasons: dict[str, str] = {}
    is_taken = False
    for provider, account in keys:
        capabilities = world.looker(provider, account).capabilities
        why_not = capabilities.why_not(amount_minor, currency)
        if why_not is None:
            return
        reasons.setdefault(provider, why_not)
        is_taken |= capabilities.currencies is None or currency in capabilities.currencies
    if reasons:
        told = "; ".join(f"{provider}: {reason}" for provider, reason in reasons.items())
        raise Refused(
            f"{show(amount_minor, currency)} cannot be paid here. {told}", code="amount_not_payable",
            param="amount_minor" if is_taken else "currency", detail={"reasons": reasons},
        )  # fmt: skip


def _nearest(world: World, terms: Sequence[Terms], currency: str) -> Terms:
    """Of accounts that do not take the amount, the one that takes the least of its currency: what it refuses is refused
    by all.
    """

    def distance(each: Terms) -> tuple[bool, int]:
        currencies = world.looker(each.provider, each.account).capabilities.currencies
        return currencies is not None and currency not in currencies, each.smallest_minor.get(currency, 0)

    return min(terms, key=distance)
