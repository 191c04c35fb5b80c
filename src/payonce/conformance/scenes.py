"""Who meets whom about one order, and what must hold in the end, however the two are interleaved.

Each scene makes its order by itself, so that it can be played again and again on one database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from payonce.base.errors import Conflict
from payonce.conformance.check import require
from payonce.conformance.interleaving import Work
from payonce.conformance.shop import MINUTE, Shop
from payonce.domain.delivering import Accepted, Outcome
from payonce.domain.effect import EffectKind
from payonce.usecases.answers import Checkout, OrderView, Silent
from payonce.usecases.ask_refund import ask_refund
from payonce.usecases.close_orders import cancel_order
from payonce.usecases.deliver_effects import deliver_effects
from payonce.usecases.effect_handlers import EffectCall, Handlers, one_by_one
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from payonce.usecases.receive import receive
from payonce.usecases.send_refunds import send_refunds

# A scene makes an order, and says who meets whom about it, and what must hold in the end.
Scene = Callable[[Any, str], tuple[Work, Work, Callable[[Any, Any], None]]]
# Longer than a session is fresh.
STALE: Final = 31 * MINUTE


def click(order: OrderView) -> Work:
    """A payer clicks on Pay."""
    return lambda world: ensure_checkout(world, order.merchant_id, order.id, Click())


def cancel(order: OrderView) -> Work:
    """The merchant cancels."""
    return lambda world: cancel_order(world, order.merchant_id, order.id)


def hear(shop: Shop) -> Work:
    """All webhooks that are owed now arrive as one group."""
    told = shop.deliveries(shop.owed_webhooks())
    return lambda world: receive(world, shop.merchant_id, told)


def fresh_clicks(shop: Shop, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """Two first clicks: one object, one URL; or the second is told to come back."""
    order = shop.place(purpose)

    def check(one: Any, two: Any) -> None:
        made = [answer for answer in (one, two) if isinstance(answer, Checkout)]
        answered = made and all(isinstance(answer, Checkout | Silent) for answer in (one, two))
        require(answered, f"Two clicks were answered by {type(one).__name__} and {type(two).__name__}.")
        require(len({answer.url for answer in made}) == 1, "Two clicks led to two sessions.")
        require(len(shop.see(order).attempts) == 1, "Two clicks made two attempts.")

    return click(order), click(order), check


def two_payments(shop: Shop, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """The webhooks of two payments of one order: one settles, the other is surplus."""
    order = shop.place(purpose)
    first = shop.checkout(order)
    shop.pass_time(STALE)
    second = shop.checkout(order)
    shop.stripe.books.sessions[first.provider_ref or ""].status = "open"
    shop.owed_webhooks()
    shop.pay(first)
    ones = hear(shop)
    shop.pay(second)
    twos = hear(shop)

    def check(one: Any, two: Any) -> None:
        seen = shop.see(order)
        require(counted(seen) == ("paid", 2, 1), f"An order that was paid twice is {said(seen)}.")
        require(seen.findings == ("second_charge",), f"Of two payments the findings are {seen.findings}.")
        require(len(seen.effects) == len(shop.world.kinds), "Two payments owe their effects twice.")
        require(captured(shop) == booked(shop), "What came in at the provider is not what was recorded.")

    return ones, twos, check


def the_same_payment_twice(shop: Shop, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """The same group of webhooks to two processes."""
    order = shop.place(purpose)
    shop.pay(shop.checkout(order))
    told = hear(shop)
    return told, told, lambda one, two: assert_paid_once(shop, order)


def cancel_and_payment(shop: Shop, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """The merchant cancels an order that was just paid: it is paid, whoever came first."""
    order = shop.place(purpose)
    shop.pay(shop.checkout(order))
    return cancel(order), hear(shop), lambda view, received: assert_paid_once(shop, order)


def refunds_asked_twice(shop: Shop, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """Two people send the whole of an order back: it goes back once."""
    order = _paid(shop, purpose)

    def ask(actor: str) -> Work:
        return lambda world: ask_refund(world, shop.merchant_id, order.id, reason="asked", actor=actor)

    def check(one: Any, two: Any) -> None:
        refused = [answer for answer in (one, two) if isinstance(answer, Conflict)]
        require(len(refused) == 1, f"Of two who asked for a whole refund, {len(refused)} were refused.")
        _assert_gone_back_once(shop, order)

    return ask("ada"), ask("linh"), check


def refunds_sent_twice(shop: Shop, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """Two workers find the same refund due: one sends it."""
    order = _paid(shop, purpose)
    shop.run(ask_refund(shop.world, shop.merchant_id, order.id, reason="asked", actor="ada"))

    def send() -> Work:
        return lambda world: send_refunds(world.for_refunds(), shop.merchant_id)

    return send(), send(), lambda one, two: _assert_gone_back_once(shop, order)


def one_effect_two_workers(shop: Shop, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """Two workers find the same effect due: one delivers it."""
    # Whatever other scenes owe is done first, so that there is only ours.
    receiver = Receiving()
    handlers = Handlers(one_by_one(_describe))
    for kind in shop.world.kinds:
        handlers.add(kind, receiver)
    shop.run(deliver_effects(shop.world, shop.merchant_id, handlers))
    order = _paid(shop, purpose)
    receiver.taken.clear()

    def work() -> Work:
        return lambda world: deliver_effects(world, shop.merchant_id, handlers)

    def check(one: Any, two: Any) -> None:
        shop.pass_time(2 * MINUTE)
        shop.run(deliver_effects(shop.world, shop.merchant_id, handlers))
        wanted = sorted(kind.name for kind in shop.world.kinds)
        require(sorted(receiver.taken) == wanted, f"Of {wanted} two workers delivered {sorted(receiver.taken)}.")
        states = {effect.state for effect in shop.see(order).effects}
        require(states == {"done"}, f"Effects that were delivered are {sorted(states)}.")

    return work(), work(), check


class Receiving:
    """Takes effects, and remembers their kinds."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def deliver(self, effect: EffectCall, /) -> Outcome:
        """Take one."""
        self.taken.append(effect.kind)
        return Accepted("thanks")


async def _describe(merchant_id: str, order_id: object) -> dict[str, Any]:
    return {"id": str(order_id), "merchant": merchant_id}


def _paid(shop: Shop, purpose: str) -> OrderView:
    """An order that was paid through the provider."""
    order = shop.place(purpose)
    shop.pay(shop.checkout(order))
    shop.deliver_owed()
    assert_paid_once(shop, order)
    return order


def assert_paid_once(shop: Shop, order: OrderView) -> None:
    """One charge, one settlement, each effect owed once, and nothing to look at. Raises NotKept."""
    shop.finish()
    seen = shop.see(order)
    require(counted(seen) == ("paid", 1, 1), f"An order that was paid once is {said(seen)}.")
    require(len(seen.effects) == len(shop.world.kinds), f"A payment owes {len(seen.effects)} effects.")
    require(seen.findings == (), f"A payment like any other has the findings {seen.findings}.")


def _assert_gone_back_once(shop: Shop, order: OrderView) -> None:
    shop.send_refunds()
    shop.deliver_owed()
    seen = shop.see(order)
    sent = [made for made in shop.stripe.truth.refunds_by_id().values() if len(made) > 1]
    require(not sent, "A refund was sent twice.")
    require(seen.refunded_minor == seen.amount_minor, f"Of {seen.amount_minor}, {seen.refunded_minor} went back.")
    gone = sum(one.amount_minor for made in shop.stripe.truth.refunds_by_id().values() for one in made)
    require(gone == refunded(shop), f"The provider sent {gone} back, and {refunded(shop)} is recorded.")


def counted(seen: OrderView) -> tuple[str, int, int]:
    """The state of an order, how often it was charged, and how often recorded."""
    return seen.state, seen.counters.charged, seen.counters.recorded


def said(seen: OrderView) -> str:
    """The same as words."""
    return "{}, charged {} times and recorded {} times".format(*counted(seen))


def captured(shop: Shop) -> dict[str, int]:
    """What came in, by the provider's own books."""
    came = [one for rows in shop.party.truth.captures_by_attempt().values() for one in rows]
    return {one.id: one.amount_minor for one in came}


def booked(shop: Shop) -> dict[str, int]:
    """What came in, as it is recorded."""
    return {
        ref: int(amount)
        for ref, amount in shop.rows(
            "SELECT ref, captured_minor FROM captures WHERE merchant_id = %s", shop.merchant_id
        )
    }


def refunded(shop: Shop) -> int:
    """What went back, as it is recorded."""
    [[total]] = shop.rows(
        "SELECT coalesce(sum(refunded_minor), 0)::bigint FROM orders WHERE merchant_id = %s", shop.merchant_id
    )
    return int(total)


# What the kinds of a shop are where nothing else is said: none is sent twice by itself.
KINDS: Final = (
    EffectKind("invite", "order.paid", "fulfilment", "ask"), EffectKind("notice", "order.paid", "notification", "ask"),
)  # fmt: skip
