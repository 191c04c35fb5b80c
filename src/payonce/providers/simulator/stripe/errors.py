"""Stripe's refusals, in its shapes and as far as known in its words.

`executed` tells whether the operation had begun: what is refused by validation is not remembered under an idempotency
key, what is refused by the state of an object or by the card is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from payonce.providers.simulator.wire import Refusal

DOCS = "https://stripe.com/docs/error-codes/"


class StripeError(Refusal):
    """A refusal on its way to the wire: status, and the members of `error`."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        executed: bool = False,
        should_retry: bool | None = None,
        retry_after: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, status)
        self.kind = kind
        self.code = code
        self.param = param
        self.executed = executed
        self.should_retry = should_retry
        self.retry_after = retry_after
        self.extra = dict(extra or {})

    def shown(self) -> dict[str, Any]:
        """The body of the answer."""
        members: dict[str, Any] = dict(self.extra)
        if self.code is not None:
            members |= {"code": self.code, "doc_url": DOCS + self.code.replace("_", "-")}
        if self.param is not None:
            members["param"] = self.param
        members |= {"message": self.message, "type": self.kind}
        return {"error": dict(sorted(members.items()))}


def no_such(noun: str, object_id: str, *, param: str = "id", status: int = 404) -> StripeError:
    """404 for an object named in the path, 400 for one named by a parameter."""
    return StripeError(f"No such {noun}: '{object_id}'", status=status, code="resource_missing", param=param)


def unexpected_state(message: str, intent: Mapping[str, Any]) -> StripeError:
    """400: the payment intent is not in a state for this."""
    return StripeError(
        message, code="payment_intent_unexpected_state", executed=True, extra={"payment_intent": dict(intent)}
    )


def unknown_url(method: str, path: str) -> StripeError:
    """404 for a path that is none, or that this simulator does not speak."""
    return StripeError(f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs.", status=404)


def broken() -> StripeError:
    """The provider's own 500."""
    return StripeError("An unknown error occurred.", status=500, kind="api_error", executed=True)


def too_many(seconds: float, should_retry: bool | None) -> StripeError:
    """429 for too many requests."""
    return StripeError(
        "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.",
        status=429,
        code="rate_limit",
        retry_after=seconds,
        should_retry=should_retry,
    )


def locked(seconds: float, should_retry: bool | None) -> StripeError:
    """429 because another request works on the same object."""
    return StripeError(
        "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it.",
        status=429,
        code="lock_timeout",
        retry_after=seconds,
        should_retry=True if should_retry is None else should_retry,
    )
