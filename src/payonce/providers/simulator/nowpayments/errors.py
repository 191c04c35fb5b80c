"""NOWPayments' refusals, in its shape and as far as known in its words."""

from __future__ import annotations

from typing import Any

from payonce.providers.simulator.wire import Refusal


class NowError(Refusal):
    """A refusal on its way to the wire. Nothing was made or changed."""

    def __init__(self, message: str, *, status: int = 400, code: str = "INVALID_REQUEST_PARAMS") -> None:
        super().__init__(message, status)
        self.code = code

    def shown(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"status": False, "statusCode": self.status, "code": self.code, "message": self.message}


def no_payment(payment_id: str) -> NowError:
    """404: there is no payment of that id."""
    return NowError(f"Payment {payment_id:.40} not found", status=404, code="PAYMENT_NOT_FOUND")


def no_invoice(invoice_id: str) -> NowError:
    """404: there is no invoice of that id."""
    return NowError(f"Invoice {invoice_id:.40} not found", status=404, code="INVOICE_NOT_FOUND")


def unknown_url(method: str, path: str) -> NowError:
    """404 for a path that is none, or that this simulator does not speak."""
    return NowError(f"Cannot {method} {path:.100}", status=404, code="NOT_FOUND")


def broken() -> NowError:
    """The provider's own 500."""
    return NowError("Internal error", status=500, code="INTERNAL_ERROR")


def too_many() -> NowError:
    """429: too many requests."""
    return NowError("Too many requests", status=429, code="TOO_MANY_REQUESTS")
