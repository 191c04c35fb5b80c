"""Which events the account's endpoints are subscribed to, as Stripe tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payonce.providers.contract import NotDone, Subscription, TellsSubscriptions, Unknown
from payonce.providers.transport import Answer
from tests.providers.stripe.samples import adapter, ok
from tests.providers.stripe.test_requests import assert_same

CALL = adapter().subscriptions()
ENDPOINT = {
    "id": "we_1", "object": "webhook_endpoint", "url": "https://shop.example/webhooks/stripe", "status": "enabled",
    "enabled_events": ["payment_intent.succeeded", "charge.refunded"], "api_version": "2026-10-28.endive",
}  # fmt: skip


def test_the_endpoints_are_listed_with_the_events_that_they_hear() -> None:
    """B12: `doctor` compares them with those that are handled."""
    assert_same(CALL, lambda v1: v1.webhook_endpoints.list({"limit": 100}))
    every = ENDPOINT | {"enabled_events": ["*"], "status": "disabled", "api_version": None}
    assert adapter().subscribed(CALL, ok({"object": "list", "data": [ENDPOINT, every]})) == (
        Subscription(
            "https://shop.example/webhooks/stripe",
            ("payment_intent.succeeded", "charge.refunded"),
            True,
            "2026-10-28.endive",
        ),
        Subscription("https://shop.example/webhooks/stripe", ("*",), False, ""),
    )


def test_an_adapter_says_of_itself_that_it_can_tell() -> None:
    assert isinstance(adapter(), TellsSubscriptions)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (ok({"error": {"type": "invalid_request_error"}}, 403), NotDone),
        (Answer(500, (), b""), Unknown),
        (Answer(200, (), b"[]"), Unknown),
        (Answer(200, (), b'{"data": {}}'), Unknown),
        (Answer(200, (), b'{"data": [{}]}'), Unknown),
        (Answer(404, (), b"404: Not Found"), Unknown),
    ],
)
def test_without_a_list_nothing_is_claimed(answer: Answer, outcome: type) -> None:
    """B12: a stand-in that cannot tell is no finding."""
    assert isinstance(adapter().subscribed(CALL, answer), outcome)


@given(some.integers(100, 599), some.binary())
def test_no_bytes_make_it_raise(status: int, body: bytes) -> None:
    assert isinstance(adapter().subscribed(CALL, Answer(status, (), body)), tuple | NotDone | Unknown)
