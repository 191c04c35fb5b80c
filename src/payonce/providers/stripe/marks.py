"""Our marks on Stripe's objects, and how one object names another.

The attempt's id travels with every create, so that whatever Stripe made can be traced back even when its answer was
lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from payonce.base import ids
from payonce.domain.observation import Ref
from payonce.providers.stripe.wire import Surprise, mapping, name

# On the session and on its payment intent, because Stripe copies neither way; it does copy the intent's to its charge.
ATTEMPT_KEY: Final = "payonce_attempt"
ORDER_KEY: Final = "payonce_order"
# On a refund that we asked for.
REFUND_KEY: Final = "payonce_refund"


def create_key(attempt: str) -> str:
    """The idempotency key of an attempt's create (X1): the attempt and the operation, never a time or a chance."""
    return f"{attempt}:create"


def refund_key(refund_id: UUID) -> str:
    """The idempotency key of a refund: its row's id, so that a row sends money back once."""
    return f"refund:{ids.show(ids.REFUND, refund_id)}"


def refund_of(found: Mapping[str, Any]) -> UUID | None:
    """Our refund that the provider's object carries, or None: then somebody else asked for it."""
    marked = mapping(found.get("metadata")).get(REFUND_KEY)
    return ids.read_or_none(ids.REFUND, marked) if isinstance(marked, str) else None


def attempt_of(found: Mapping[str, Any]) -> UUID | None:
    """The attempt that the object carries, or None: then it is not ours by its own word."""
    marked = mapping(found.get("metadata")).get(ATTEMPT_KEY)
    # Only sessions have a reference of their own; it says the same.
    for text in (marked, found.get("client_reference_id")):
        attempt_id = ids.read_or_none(ids.ATTEMPT, text) if isinstance(text, str) else None
        if attempt_id is not None:
            return attempt_id
    return None


def ref_of(kind: str, value: object) -> Ref | None:
    """The object that a field names, whether by its id or expanded; None for an empty field. Raises Surprise."""
    if value is None:
        return None
    return Ref(kind, name(value.get("id") if isinstance(value, dict) else value, f"the id of a {kind}"))


def capture_of(back: Mapping[str, Any]) -> Ref:
    """What a refund or dispute takes money back of: the intent, or the charge where there is none. Raises Surprise."""
    capture = ref_of("payment_intent", back.get("payment_intent")) or ref_of("charge", back.get("charge"))
    if capture is None:
        raise Surprise("it names neither payment intent nor charge")
    return capture
