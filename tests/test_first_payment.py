"""The first payment of a monthly fee, through a link in a mail: a pending attempt never walls a payer off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.house import House
from tests.support.site import Site

STALE_SECONDS = 30 * 60


@pytest.fixture
def site(house: House) -> Iterator[Site]:
    made = Site(house)
    yield made
    made.close()


def test_first_payment_stale_pending_replaced(site: Site) -> None:
    """D10: an attempt older than 30 minutes is cancelled at the provider and replaced: 307 to the new session."""
    order = site.place()
    old = site.open_link(order)
    site.clock.move(STALE_SECONDS + 1)
    new = site.open_link(order)
    assert (old.status_code, new.status_code) == (307, 307)
    assert new.headers["location"] != old.headers["location"]
    # The old session is not payable beside the new one, and nothing was deleted.
    [payable] = site.house.stripe.truth.payable_now()
    assert payable.id in new.headers["location"]
    assert site.house.rows("SELECT number, state FROM attempts ORDER BY number") == [(1, "closed"), (2, "open")]


def test_first_payment_paid_still_blocked(site: Site) -> None:
    """D11: a paid order is 409, and its body says when and how it was paid."""
    order = site.place()
    site.open_link(order)
    assert site.pay(order) == "succeeded"
    site.deliver()
    blocked = site.ask("GET", order["pay_url"])
    assert blocked.status_code == 409
    assert blocked.json()["code"] == "order_paid"
    assert blocked.json()["paid_at"] == "2026-11-20T12:00:00.000Z"
    assert blocked.json()["paid_by"] == "stripe"
    page = site.open_link(order)
    assert page.status_code == 409
    assert "20 November 2026, 12:00 UTC through Stripe" in page.text
    assert site.attempts() == 1


def test_first_payment_fresh_pending_returns_redirect(site: Site) -> None:
    """D12: an attempt of at most 30 minutes: 307 to the existing session."""
    order = site.place()
    first = site.open_link(order)
    site.clock.move(STALE_SECONDS)
    again = site.open_link(order)
    assert (first.status_code, again.status_code) == (307, 307)
    assert again.headers["location"] == first.headers["location"]
    assert site.attempts() == 1
