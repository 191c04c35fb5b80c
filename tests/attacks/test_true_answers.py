"""What payonce says of an order is so: to the payer who waits, and about what it was handed."""

from __future__ import annotations

import pytest

from payonce.api.shapes import status_json
from payonce.base.errors import Refused
from payonce.usecases.answers import Checkout
from tests.promises.acts import pay_part
from tests.promises.conftest import Build
from tests.support.house import House


def test_who_paid_a_part_is_not_told_to_wait_for_nothing(build: Build) -> None:
    """E2: the status tells the state of the payment: nothing is on its way, and the rest can be paid."""
    house = build(flow="payment_intent")
    order = house.place()
    pay_part(house, house.checkout(order), 4000)
    house.deliver_owed()
    assert (house.see(order).state, house.see(order).payment) == ("open", "open")
    assert status_json(house.see(order))["message"] == "A part is paid. The rest can be paid now."
    assert isinstance(house.click(order), Checkout)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "//evil.example/x", "/thanks", "https:evil",
        "https://", "https://shop.example:99999/", "https://shop.example/\r\nSet-Cookie: a=b", "file:///etc/passwd",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["success_url", "cancel_url"])
def test_no_order_leads_a_browser_where_a_page_would_be_taken_over(house: House, name: str, address: str) -> None:
    """D1: links lead to web addresses, whoever placed the order and through which door."""
    with pytest.raises(Refused) as refused:
        house.place(**{name: address})  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.param) == ("text_invalid", name)
