"""The requests, held against those that the official SDK sends for the same wishes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
import stripe

from payonce.base.errors import Bug, Refused
from payonce.domain.observation import Ref
from payonce.providers.contract import Call
from payonce.providers.stripe.adapter import API_VERSION
from tests.providers.stripe.samples import ATTEMPT, ATTEMPT_TEXT, KEY, MARKS, NOW, adapter, ask


class Recorder(stripe.HTTPClient):
    """Takes the SDK's requests and sends none."""

    name = "recorder"

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str, dict[str, str], str]] = []

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        self.seen.append((method.upper(), url, {key.lower(): value for key, value in headers.items()}, post_data or ""))
        return '{"id": "pi_1", "object": "payment_intent"}', 200, {}

    def close(self) -> None: ...


def pairs(text: str) -> list[tuple[str, str]]:
    """The parameters in any order; `expand[0]` and `expand[]` mean the same."""
    return sorted(
        (key.replace("expand[0]", "expand[]"), value) for key, value in parse_qsl(text, keep_blank_values=True)
    )


def assert_same(call: Call, wish: Any) -> None:
    """That our request for `call` and the SDK's for `wish(client)` say the same to Stripe."""
    recorder = Recorder()
    wish(stripe.StripeClient(KEY, http_client=recorder).v1)
    ((method, url, headers, body),) = recorder.seen
    ours = adapter().request(call)
    assert (ours.method, urlsplit(ours.url)[:3]) == (method, urlsplit(url)[:3])
    assert pairs(urlsplit(ours.url).query) == pairs(urlsplit(url).query)
    assert pairs(ours.body.decode()) == pairs(body)
    sent = dict(ours.headers)
    assert sent["authorization"] == headers["authorization"]
    assert sent["stripe-version"] == headers["stripe-version"]
    assert sent.get("content-type") == headers.get("content-type")


def test_an_intent_is_asked_for_with_amount_currency_and_marks_and_nothing_else() -> None:
    """X3: our attempt travels with the create, so that what was made can be found."""
    call = adapter().create(ask())
    assert_same(call, lambda v1: v1.payment_intents.create({"amount": 135, "currency": "usd", "metadata": MARKS}))
    assert {key for key, _ in pairs(call.body.decode())} == {
        "amount", "currency", "metadata[payonce_attempt]", "metadata[payonce_order]",
    }  # fmt: skip


def test_a_session_carries_the_marks_twice_because_stripe_copies_neither_way() -> None:
    """D8: the session expires when it is asked to."""
    wanted = ask("checkout_session", description="  Première & dernière  ")
    line = {"currency": "usd", "unit_amount": 135, "product_data": {"name": "Première & dernière"}}
    parameters = {
        "mode": "payment", "client_reference_id": ATTEMPT_TEXT, "success_url": wanted.success_url,
        "cancel_url": wanted.cancel_url, "expires_at": 1795178100, "customer_email": "ann@shop.example",
        "line_items": [{"quantity": 1, "price_data": line}],
        "metadata": MARKS, "payment_intent_data": {"metadata": MARKS},
    }  # fmt: skip
    assert_same(adapter().create(wanted), lambda v1: v1.checkout.sessions.create(parameters))


def test_the_key_of_a_create_is_the_attempt_and_the_operation() -> None:
    """X1: never a time, never a chance; and the same ask gives the same bytes."""
    assert adapter().create(ask()).idempotency_key == f"{ATTEMPT_TEXT}:create"
    assert adapter().create(ask()) == adapter().create(ask())
    assert dict(adapter().request(adapter().create(ask())).headers)["idempotency-key"] == f"{ATTEMPT_TEXT}:create"


@pytest.mark.parametrize(
    "email", [None, "", "ann", "ann@", "ann@shop", "ann@shop.example\nx", "ann@@shop.example", "änn@shop.example"]
)
def test_an_address_that_stripe_may_refuse_never_costs_the_payment(email: str | None) -> None:
    body = adapter().create(ask("checkout_session", payer_email=email)).body
    assert b"customer_email" not in body


def test_a_session_without_words_times_or_way_back_still_has_what_stripe_needs() -> None:
    body = adapter().create(ask("checkout_session", description=" ", cancel_url="", expires_at=None)).body.decode()
    assert dict(pairs(body))["line_items[0][price_data][product_data][name]"] == "Order"
    assert {"cancel_url", "expires_at"}.isdisjoint(dict(pairs(body)))


def test_the_methods_that_a_shop_allows_go_along_where_it_says_so() -> None:
    call = adapter(allowed_payment_method_types=["card", "link"]).create(ask())
    wanted = {"amount": 135, "currency": "usd", "allowed_payment_method_types": ["card", "link"], "metadata": MARKS}
    assert_same(call, lambda v1: v1.payment_intents.create(wanted))


def test_an_amount_that_stripe_cannot_express_is_refused_before_anything_is_sent() -> None:
    """B17: in whole units that Stripe has."""
    with pytest.raises(Refused) as refused:
        adapter().create(ask("checkout_session", amount_minor=5124, currency="KWD"))
    assert refused.value.code == "amount_not_payable"


def test_a_session_is_read_with_its_intent_so_that_one_answer_tells_the_money() -> None:
    assert_same(
        adapter().read(Ref("checkout_session", "cs_1")),
        lambda v1: v1.checkout.sessions.retrieve("cs_1", {"expand": ["payment_intent.latest_charge.refunds"]}),
    )
    assert_same(
        adapter().read(Ref("payment_intent", "pi_1")),
        lambda v1: v1.payment_intents.retrieve("pi_1", {"expand": ["latest_charge.refunds"]}),
    )
    assert_same(adapter().read(Ref("refund", "re_1")), lambda v1: v1.refunds.retrieve("re_1"))
    assert_same(adapter().read(Ref("dispute", "dp_1")), lambda v1: v1.disputes.retrieve("dp_1"))
    assert_same(adapter().read(Ref("charge", "ch_1")), lambda v1: v1.charges.retrieve("ch_1"))


def test_closing_cancels_an_intent_and_expires_a_session() -> None:
    """C23: at the provider."""
    assert_same(adapter().close(Ref("payment_intent", "pi_1"), ATTEMPT), lambda v1: v1.payment_intents.cancel("pi_1"))
    assert_same(
        adapter().close(Ref("checkout_session", "cs_1"), ATTEMPT), lambda v1: v1.checkout.sessions.expire("cs_1")
    )


@pytest.mark.parametrize("ref", [Ref("payment_intent", "pi_1"), Ref("checkout_session", "cs_1")])
def test_closing_has_no_key_because_a_stored_refusal_would_be_repeated_for_a_day(ref: Ref) -> None:
    call = adapter().close(ref, ATTEMPT)
    assert call.idempotency_key is None
    assert "idempotency-key" not in dict(adapter().request(call).headers)


def test_what_was_made_is_listed_by_its_time_and_page_by_page() -> None:
    """B7: lists show at once what was made; search does not."""
    since, until = NOW - timedelta(hours=1), NOW
    window = {"gte": int(since.timestamp()), "lte": int(until.timestamp())}
    assert_same(
        adapter().find("payment_intent", since, until, None),
        lambda v1: v1.payment_intents.list({"limit": 100, "created": window}),
    )
    assert_same(
        adapter().find("checkout_session", since, until, "cs_9"),
        lambda v1: v1.checkout.sessions.list(
            {"limit": 100, "created": window, "starting_after": "cs_9", "expand": ["data.payment_intent"]}
        ),
    )


def test_no_reference_leads_to_another_address() -> None:
    assert (
        adapter().read(Ref("payment_intent", "../refunds/re_1?x=1#")).path
        == "/v1/payment_intents/..%2Frefunds%2Fre_1%3Fx%3D1%23?expand%5B%5D=latest_charge.refunds"
    )


@pytest.mark.parametrize("kind", ["customer", "", "payment_intents"])
def test_an_object_that_payonce_does_not_know_is_a_bug_of_ours(kind: str) -> None:
    with pytest.raises(Bug):
        adapter().read(Ref(kind, "x_1"))
    with pytest.raises(Bug):
        adapter().close(Ref("refund", "re_1"), ATTEMPT)


def test_a_stored_call_goes_out_with_the_version_it_was_made_for() -> None:
    old = Call("create", "POST", "/v1/payment_intents", b"amount=1", "att_x:create", "2025-01-01.acacia")
    assert dict(adapter().request(old).headers)["stripe-version"] == "2025-01-01.acacia"
    assert stripe.api_version == API_VERSION


def test_a_time_without_zone_is_a_bug_of_ours() -> None:
    with pytest.raises(Bug):
        adapter().create(ask("checkout_session", expires_at=datetime(2026, 1, 1)))  # noqa: DTZ001 - the mistake itself


def test_requests_go_to_the_stand_in_where_one_is_given() -> None:
    request = adapter(api_base="http://127.0.0.1:8420/").request(adapter().create(ask()))
    assert request.url == "http://127.0.0.1:8420/v1/payment_intents"


def test_stripe_is_what_the_engine_is_told_it_is() -> None:
    capabilities = adapter().capabilities
    assert capabilities.idempotency == "key"
    assert timedelta(seconds=capabilities.idempotency_life_seconds) < timedelta(hours=24)
    assert capabilities.shortest_session_seconds == 30 * 60
    assert capabilities.can_close
    assert capabilities.can_find
    assert not capabilities.confirm_by_read
    assert (adapter().provider, adapter().account, adapter(account="eu").account) == ("stripe", "main", "eu")


def test_another_attempt_has_another_key_and_other_marks() -> None:
    """X1: one key, one attempt."""
    other = UUID("0193f2a0-0000-7000-8000-000000000009")
    first, second = adapter().create(ask()), adapter().create(ask(attempt_id=other))
    assert first.idempotency_key != second.idempotency_key
    assert first.body != second.body
