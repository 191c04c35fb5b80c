"""What tests of refunds do and look at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from payonce.domain.effect import EffectKind
from payonce.domain.policy import Policy, SurplusPolicy
from payonce.usecases.answers import OrderView
from tests.promises.acts import MINUTE, intent_of
from tests.support.house import INVITE, House

# Told to the payer when money went back.
RETURNED = EffectKind("returned", "refund.done", "notification")
KINDS = (INVITE, RETURNED)


def refunds(house: House) -> list[tuple[str, int]]:
    """(state, amount) of every refund of ours, the oldest first."""
    rows = house.rows("SELECT state, amount_minor FROM refunds ORDER BY refund_id")
    return [(state, amount) for state, amount in rows]


def states(house: House) -> list[str]:
    """The states of our refunds, the oldest first."""
    return [state for state, _ in refunds(house)]


def refund_ids(house: House) -> list[Any]:
    """The ids of our refunds, the oldest first."""
    return [refund_id for (refund_id,) in house.rows("SELECT refund_id FROM refunds ORDER BY refund_id")]


def declines(house: House) -> list[str | None]:
    """Why each of our refunds ended, the oldest first."""
    return [decline for (decline,) in house.rows("SELECT decline FROM refunds ORDER BY refund_id")]


def kept(house: House) -> dict[str, int]:
    """The ledger, by account."""
    rows = house.rows("SELECT account, sum(amount_minor) FROM postings GROUP BY account")
    return {account: int(total) for account, total in rows if total}


def gone(house: House) -> list[tuple[str, int]]:
    """(status, amount) of every refund that the provider made, by whomever, the oldest first."""
    made = house.stripe.truth.dump()["refunds"]
    return [(one["status"], one["amount"]) for one in sorted(made, key=lambda one: one["created"])]


def told(house: House) -> int:
    """How often the payer is owed the word that money went back."""
    [[count]] = house.rows("SELECT count(*) FROM effects WHERE kind = 'returned'")
    return int(count)


def paid_twice(house: House, method: str = "pm_card_visa", purpose: str = "fee:27:2026-05") -> tuple[OrderView, str]:
    """An order that was paid by two sessions, the first of which its provider had called closed; the second payment."""
    order = house.place(purpose)
    first = house.checkout(order)
    house.clock.move(31 * MINUTE)
    second = house.checkout(order)
    house.stripe.books.sessions[first.provider_ref or ""].status = "open"
    house.owed_webhooks()
    house.pay(first)
    house.deliver_owed()
    house.pay(second, method)
    house.deliver_owed()
    assert house.see(order).counters.charged == 2
    return order, intent_of(house, second)


def paid(house: House, method: str = "pm_card_visa", purpose: str = "fee:27:2026-05") -> tuple[OrderView, str]:
    """A paid order and its payment."""
    order = house.place(purpose)
    checkout = house.checkout(order)
    house.pay(checkout, method)
    house.deliver_owed()
    return order, intent_of(house, checkout)


def go_on(house: House, rounds: int = 6, pause: float = 61) -> None:
    """Let time pass and the refund worker work."""
    for _ in range(rounds):
        house.clock.move(pause)
        house.send_refunds()


def surplus_policy(**more: Any) -> Policy:
    """The usual policy, but for these choices about surplus."""
    return replace(Policy(), surplus=SurplusPolicy(**more))
