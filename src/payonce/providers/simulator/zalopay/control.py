"""`/_sim/…` of ZaloPay: what there is beside the controls that every simulator has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

from payonce.providers.simulator.control import Body

if TYPE_CHECKING:
    from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator


Act: TypeAlias = "Callable[[ZaloPaySimulator, str, Body], Any]"


def controls() -> dict[tuple[str, str], Act]:
    """What a path does; the part of it that names an object is a target of the payer, an order or a refund."""
    return {
        ("POST", "events/resend"): lambda sim, name, body: {"resent": sim.resend(name)},
        ("POST", "pay"): lambda sim, name, body: {"seen": sim.payer.pay(name, **body)},
        ("POST", "pay_slowly"): lambda sim, name, body: {"seen": sim.payer.pay_slowly(name)},
        ("POST", "settle"): lambda sim, name, body: {"seen": sim.payer.settle(name, **body)},
        ("POST", "decline"): lambda sim, name, body: {"seen": sim.payer.decline(name, **body)},
        ("POST", "refund"): lambda sim, name, body: {"id": sim.bank.refund(name, **body)},
        ("GET", "settlement"): lambda sim, name, body: {"file": sim.bank.settlement_file(date.fromisoformat(name))},
        ("POST", "refunds/end"): lambda sim, name, body: {"state": sim.bank.end_refund(name, **body)},
    }
