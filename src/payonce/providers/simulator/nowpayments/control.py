"""`/_sim/…` of NOWPayments: what there is beside the controls that every simulator has."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from payonce.providers.simulator.control import Body
from payonce.providers.simulator.nowpayments.payer import SHARE, Amount

if TYPE_CHECKING:
    from payonce.providers.simulator.nowpayments.simulator import NowPaymentsSimulator


def _pay(sim: NowPaymentsSimulator, target: str, body: Body) -> Body:
    return {"seen": sim.payer.pay(target, read_amount(body.pop("amount", "exact")), **body)}


def _pay_again(sim: NowPaymentsSimulator, target: str, body: Body) -> Body:
    return {"seen": sim.payer.pay_again(target, read_amount(body.pop("amount", "exact")), **body)}


def _resend(sim: NowPaymentsSimulator, letter_id: str, body: Body) -> Body:
    sim.webhooks.resend(int(letter_id))
    return {}


def _resend_of(sim: NowPaymentsSimulator, name: str, body: Body) -> Body:
    """Send notices of a payment once more: all, or those of a status. `name`: `number`, `number:status`, and more
    behind it. Raises KeyError where there is none.
    """
    payment_id, _, rest = name.partition(":")
    kind = f"payment.{rest.partition(':')[0]}"
    letters = [letter for letter in sim.webhooks.written.values() if letter.object_id == payment_id]
    found = [letter.id for letter in letters if not rest or letter.kind == kind]
    for letter_id in found or [-1]:
        sim.webhooks.resend(letter_id)
    return {"resent": len(found)}


def read_amount(text: str) -> Amount | Decimal:
    """`exact`, `less`, `more`, or an amount of the coin. Raises ArithmeticError when it is none of them."""
    return text if text in SHARE else Decimal(text)  # type: ignore[return-value]


CONTROLS: Final[dict[tuple[str, str], Callable[[NowPaymentsSimulator, str, Body], Any]]] = {
    ("POST", "pay"): _pay,
    ("POST", "pay_again"): _pay_again,
    ("POST", "choose"): lambda sim, name, body: {"payment_id": sim.payer.choose(name, **body)},
    ("POST", "cancel"): lambda sim, name, body: sim.dashboard.cancel(name),
    ("POST", "finish"): lambda sim, name, body: sim.dashboard.finish(name),
    ("POST", "refund"): lambda sim, name, body: sim.dashboard.refund(name),
    ("POST", "events/resend"): _resend_of,
    ("POST", "notices/resend"): _resend,
    ("GET", "came_in"): lambda sim, name, body: sim.truth.came_in(),
}
