"""`/v1/account`: who the key belongs to."""

from __future__ import annotations

from typing import Any

from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.params import Params


def retrieve(books: Books, params: Params, _: str) -> dict[str, Any]:
    """GET /v1/account"""
    params.finish()
    settings = books.settings
    return {
        "id": settings.account_id,
        "object": "account",
        "business_profile": {"name": "Simulated merchant", "url": None},
        "charges_enabled": True,
        "country": settings.country,
        "created": 0,
        "default_currency": settings.default_currency,
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Simulated merchant", "timezone": "Etc/UTC"}},
        "type": "standard",
    }
