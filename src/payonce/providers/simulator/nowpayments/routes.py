"""Which call a method and path make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from payonce.providers.simulator.nowpayments import operations
from payonce.providers.simulator.nowpayments.books import Books
from payonce.providers.simulator.nowpayments.errors import unknown_url
from payonce.providers.simulator.nowpayments.operations import Answer
from payonce.providers.simulator.wire import Request


@dataclass(frozen=True, slots=True)
class Route:
    """One call. `name` is what fault rules match."""

    name: str
    act: Callable[[Books, Request, str], Answer]
    needs_key: bool = True
    needs_token: bool = False
    object_id: str = ""


ROUTES: Final = {
    ("GET", "status"): Route("status.retrieve", operations.status, needs_key=False),
    ("POST", "auth"): Route("auth.create", operations.sign_in, needs_key=False),
    ("GET", "min-amount"): Route("min_amount.retrieve", operations.min_amount),
    ("POST", "payment"): Route("payments.create", operations.create_payment),
    ("POST", "invoice"): Route("invoices.create", operations.create_invoice),
    ("GET", "payment"): Route("payments.list", operations.list_payments, needs_token=True),
    ("GET", "payment/*"): Route("payments.retrieve", operations.retrieve_payment),
}


def find(method: str, path: str) -> Route:
    """The call that a request makes. Raises NowError 404."""
    noun, _, object_id = path.removeprefix("/v1/").rstrip("/").partition("/")
    route = ROUTES.get((method, f"{noun}/*" if object_id else noun))
    if route is None:
        raise unknown_url(method, path)
    return replace(route, object_id=unquote(object_id))
