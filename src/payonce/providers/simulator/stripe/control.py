"""`/_sim/…` of Stripe: what there is beside the controls that every simulator has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from payonce.providers.simulator.control import Body
from payonce.providers.simulator.stripe import endpoints

if TYPE_CHECKING:
    from payonce.providers.simulator.stripe.simulator import StripeSimulator


def _endpoint(sim: StripeSimulator, _: str, body: Body) -> Body:
    events = body.get("enabled_events") or ["*"]
    secret = body.get("secret") or f"whsec_{sim.books.ids.make(32)}"
    made = endpoints.enter(sim.books, body["url"], list(events), secret, body.get("api_version"))
    return made.shown() | {"secret": secret}


def _resend(sim: StripeSimulator, event_id: str, body: Body) -> Body:
    sim.webhooks.resend(event_id, body.get("changes"))
    return {}


CONTROLS: Final[dict[tuple[str, str], Callable[[StripeSimulator, str, Body], Any]]] = {
    ("POST", "endpoints"): _endpoint,
    ("POST", "events/resend"): _resend,
    ("POST", "events/twin"): lambda sim, name, body: {"id": sim.webhooks.twin(name)},
    ("POST", "pay"): lambda sim, name, body: {"seen": sim.payer.pay(name, **body)},
    ("POST", "authenticate"): lambda sim, name, body: {"seen": sim.payer.authenticate(name, **body)},
    ("POST", "pay_at_expiry"): lambda sim, name, body: sim.payer.pay_at_expiry(name, **body),
    ("POST", "settle"): lambda sim, name, body: {"status": sim.bank.settle_debit(name, **body)},
    ("POST", "refund"): lambda sim, name, body: {"id": sim.bank.refund(name, **body)},
    ("POST", "refunds/end"): lambda sim, name, body: sim.bank.end_refund(name, **body),
    ("POST", "dispute"): lambda sim, name, body: {"id": sim.bank.open_dispute(name, **body)},
    ("POST", "disputes/close"): lambda sim, name, body: sim.bank.close_dispute(name, **body),
    ("POST", "disputes/escalate"): lambda sim, name, body: sim.bank.escalate_dispute(name),
    ("GET", "captured"): lambda sim, name, body: sim.truth.captured_total_by_metadata(name),
}
