"""The calls on `/v1/charges`: reading only."""

from __future__ import annotations

from typing import Any

from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.charge import Charge
from payonce.providers.simulator.stripe.errors import no_such
from payonce.providers.simulator.stripe.lists import page
from payonce.providers.simulator.stripe.params import Params


def retrieve(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """GET /v1/charges/{id}"""
    params.finish()
    if object_id not in books.charges:
        raise no_such("charge", object_id)
    return books.charges[object_id].shown()


def listed(books: Books, params: Params, _: str) -> dict[str, Any]:
    """GET /v1/charges"""
    intent, customer = params.text("payment_intent"), params.text("customer")

    def fits(row: Charge) -> bool:
        return intent in (None, row.payment_intent) and customer in (None, row.customer)

    return page(books, params, books.charges, "/v1/charges", fits)
