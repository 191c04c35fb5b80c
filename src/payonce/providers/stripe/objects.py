"""The kinds of Stripe's objects that payonce reads, by the word that stands in their field `object`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from payonce.domain.observation import Seen
from payonce.providers.stripe.payments import read_charge, read_intent, read_session, refunds_of_intent
from payonce.providers.stripe.returns import read_dispute, read_refund
from payonce.providers.stripe.wire import Surprise, mapping, word

READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], tuple[Seen, ...]]]] = {
    "payment_intent": lambda found: (read_intent(found), *refunds_of_intent(found)),
    "checkout.session": lambda found: (read_session(found), *refunds_of_intent(mapping(found.get("payment_intent")))),
    "charge": read_charge,
    "refund": lambda found: (read_refund(found),),
    "dispute": lambda found: (read_dispute(found),),
}


def read_object(found: Mapping[str, Any]) -> tuple[Seen, ...]:
    """What the object says, whichever it is. Raises Surprise for a kind that is not read."""
    reader = READERS.get(str(found.get("object")))
    if reader is None:
        raise Surprise(f"an object of the kind {word(found.get('object')) or 'nothing'}")
    return reader(found)


def is_live(found: Mapping[str, Any], otherwise: bool) -> bool:
    """The mode that the object names; refunds name none and are of the mode of what brought them."""
    live = found.get("livemode")
    return live if isinstance(live, bool) else otherwise
