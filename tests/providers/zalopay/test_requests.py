"""What is sent: names that fit, fields as documented, and the same bytes for the same ask, always."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payonce.base import ids
from payonce.base.errors import Bug, Refused
from payonce.domain.observation import Ref
from payonce.providers.contract import Call, NotDone, SendsBack
from payonce.providers.zalopay.names import attempt_of, order_name, refund_name, refund_of
from tests.providers.zalopay.samples import (
    ATTEMPT,
    CLOSE,
    CREATE,
    LOOK,
    NAME,
    NOW,
    ORDER,
    READ,
    REFUND,
    SANDBOX,
    SEND_BACK,
    TRANSACTION,
    adapter,
    ask,
    refund_ask,
)

MOMENTS = some.integers(0, 68 * 365 * 86_400).map(
    lambda seconds: datetime(2000, 1, 2, tzinfo=UTC) + timedelta(seconds=seconds)
)


def sent(call: Call) -> dict[str, Any]:
    """The fields that go over the wire."""
    found = json.loads(adapter().request(call).body)
    assert isinstance(found, dict)
    return found


def test_an_order_is_asked_for_with_the_documented_fields() -> None:
    """X3: our attempt is in the order's name, so that what was made can be found."""
    fields = sent(CREATE)
    mac = fields.pop("mac")
    assert len(mac) == 64
    assert json.loads(fields.pop("embed_data")) == {
        "redirecturl": "https://shop.example/thanks?o=1",
        "payonce_order": ids.show(ids.ORDER, ORDER),
    }
    assert fields == {
        "app_id": 2553, "app_user": "player-27", "app_trans_id": NAME, "app_time": 1795176000000,
        "expire_duration_seconds": 2100, "amount": 50_000, "description": "First fee of player 27", "bank_code": "",
        "item": "[]", "callback_url": "https://pay.shop.example/webhooks/zalopay/main",
    }  # fmt: skip


def test_a_request_goes_to_the_account_s_host_as_json() -> None:
    request = adapter().request(CREATE)
    assert (request.method, request.url) == ("POST", f"{SANDBOX}/v2/create")
    assert dict(request.headers)["content-type"] == "application/json"
    paths = [adapter().request(call).url.removeprefix(SANDBOX) for call in (READ, CLOSE, SEND_BACK, LOOK)]
    assert paths == ["/v2/query", "/v2/cancel", "/v2/refund", "/v2/query_refund"]


def test_the_same_ask_gives_the_same_bytes() -> None:
    """X1: a key is the attempt and the operation, never the time of the call or a chance."""
    assert adapter().create(ask()) == CREATE
    assert adapter().request(CREATE) == adapter().request(adapter().create(ask()))
    assert adapter().refund(refund_ask()) == SEND_BACK


def test_the_key_of_a_create_is_the_order_s_name_and_is_read_from_what_is_stored() -> None:
    """X3: `own_ref` follows from the stored call alone."""
    assert CREATE.idempotency_key == NAME
    assert adapter().own_ref(CREATE) == Ref("order", NAME)
    stored = Call("create", CREATE.method, CREATE.path, CREATE.body, CREATE.idempotency_key, CREATE.api_version)
    assert adapter().own_ref(stored) == Ref("order", NAME)
    assert adapter().own_ref(READ) is None
    assert adapter().own_ref(SEND_BACK) is None


def test_at_midnight_in_vietnam_the_day_changes_and_a_stored_order_keeps_its_name() -> None:
    """X1: 17:00 UTC is midnight there; a repetition sends what is stored, whatever day it has become."""
    before = datetime(2026, 11, 20, 16, 59, 59, 999999, tzinfo=UTC)
    after = before + timedelta(microseconds=1)
    stored = adapter().create(ask(asked_at=before))
    assert stored.idempotency_key == f"261120_{ATTEMPT.hex}"
    assert adapter().create(ask(asked_at=after)).idempotency_key == f"261121_{ATTEMPT.hex}"
    assert sent(stored)["app_trans_id"] == stored.idempotency_key
    assert adapter().own_ref(stored) == Ref("order", f"261120_{ATTEMPT.hex}")


def test_a_refund_s_day_is_vietnam_s_too_and_looking_keeps_the_stored_name() -> None:
    late = datetime(2026, 12, 31, 17, 0, tzinfo=UTC)
    stored = adapter().refund(refund_ask(asked_at=late))
    assert (stored.idempotency_key or "").startswith("270101_2553_")
    look = adapter().look_for_refund(refund_ask(asked_at=late), stored, late + timedelta(days=3))
    assert sent(look)["m_refund_id"] == stored.idempotency_key


def test_a_time_in_another_zone_is_the_same_time() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=-5)))
    assert adapter().create(ask(asked_at=there)) == CREATE


@pytest.mark.parametrize("changes", [{"asked_at": NOW.replace(tzinfo=None)}, {"expires_at": NOW.replace(tzinfo=None)}])
def test_a_time_without_a_zone_is_a_bug(changes: dict[str, Any]) -> None:
    with pytest.raises(Bug):
        adapter().create(ask(**changes))


@given(some.uuids(), MOMENTS)
def test_every_name_of_an_order_fits_and_leads_back_to_its_attempt(attempt_id: UUID, when: datetime) -> None:
    """X3: 40 characters at most; two attempts never share one."""
    name = order_name(attempt_id, when)
    assert len(name) == 39
    assert attempt_of(name) == attempt_id
    there = when + timedelta(hours=7)
    assert name[:6] == f"{there.year % 100:02}{there.month:02}{there.day:02}"


@given(some.uuids(), MOMENTS, some.integers(1, 9_999_999_999))
def test_every_name_of_a_refund_fits_and_leads_back_to_it(refund_id: UUID, when: datetime, app: int) -> None:
    """X6: 45 characters at most, with the largest number that an application can have."""
    name = refund_name(refund_id, when, str(app))
    assert len(name) <= 45
    assert name[6:].startswith(f"_{app}_")
    assert refund_of(name) == refund_id


@given(some.text(max_size=45))
def test_a_name_that_we_did_not_make_leads_nowhere(name: str) -> None:
    assert attempt_of(name) is None
    assert refund_of(name) is None


@pytest.mark.parametrize(
    "name",
    [
        f"261120_{ATTEMPT.hex.upper()}", f"261120_{ATTEMPT.hex}0", f"26112_{ATTEMPT.hex}", f"261120-{ATTEMPT.hex}",
        f"٢٦١١٢٠_{ATTEMPT.hex}", f"261120_{ATTEMPT.hex}\n",
    ],
)  # fmt: skip
def test_almost_our_name_is_not_ours(name: str) -> None:
    assert attempt_of(name) is None


def test_a_refund_of_somebody_else_s_shape_is_not_ours() -> None:
    assert refund_of("261120_2553_8zzzzzzzzzzzzzzzzzzzzzzzzz") is None
    assert refund_of("261120_2553_1598435687208") is None


@pytest.mark.parametrize(("amount", "currency"), [(50_000, "USD"), (0, "VND"), (-1, "VND"), (50_000, "JPY")])
def test_what_cannot_be_paid_in_dong_is_refused_before_anything_is_sent(amount: int, currency: str) -> None:
    """B17: whole dong, and no other money."""
    with pytest.raises(Refused) as refused:
        adapter().create(ask(amount_minor=amount, currency=currency))
    assert refused.value.code == "amount_not_payable"
    with pytest.raises(Refused):
        adapter().refund(refund_ask(amount_minor=amount, currency=currency))


@given(some.integers(1, 10**15))
def test_dong_have_no_decimals_so_an_amount_is_sent_as_it_is(amount: int) -> None:
    """B17: minor units and wire units are the same."""
    assert sent(adapter().create(ask(amount_minor=amount)))["amount"] == amount


@pytest.mark.parametrize(
    ("seconds", "life"), [(-5, 300), (0, 300), (299, 300), (300, 300), (2100, 2100), (10**8, 2_592_000)]
)
def test_an_order_s_life_stays_within_what_zalopay_takes(seconds: int, life: int) -> None:
    """D8: 300 seconds to 30 days."""
    assert sent(adapter().create(ask(expires_at=NOW + timedelta(seconds=seconds))))["expire_duration_seconds"] == life


def test_without_a_wish_an_order_lives_as_long_as_zalopay_s_usually_do() -> None:
    assert sent(adapter().create(ask(expires_at=None)))["expire_duration_seconds"] == 900


@given(some.text(max_size=400), some.text(max_size=400))
def test_texts_fit_are_one_line_and_are_never_missing(description: str, payer: str) -> None:
    """X3: what merely describes must never cost a payment."""
    fields = sent(adapter().create(ask(description=description, payer_reference=payer)))
    for text, longest in ((fields["description"], 256), (fields["app_user"], 50)):
        assert 1 <= len(text.encode("utf-16-le")) // 2 <= longest
        assert text.isprintable()


def test_vietnamese_stays_as_it_is_written() -> None:
    body = adapter().request(adapter().create(ask(description="Lệ phí tháng 11"))).body
    assert "Lệ phí tháng 11".encode() in body


@given(some.text(max_size=3000))
def test_where_the_browser_goes_fits_or_is_left_out(url: str) -> None:
    text = sent(adapter().create(ask(success_url=url)))["embed_data"]
    assert len(text.encode("utf-16-le", "replace")) // 2 <= 2048
    assert json.loads(text)


def test_of_what_is_embedded_the_way_back_is_kept_longest() -> None:
    """X3: whose money it is stands in the order's name."""
    back_url = "https://shop.example/" + "x" * 1990
    assert json.loads(sent(adapter().create(ask(success_url=back_url)))["embed_data"]) == {"redirecturl": back_url}
    assert list(json.loads(sent(adapter().create(ask(success_url=back_url * 2)))["embed_data"])) == ["payonce_order"]


def test_without_an_address_for_callbacks_the_application_s_own_is_used() -> None:
    assert "callback_url" not in sent(adapter().create(ask(callback_url="")))


def test_a_refund_is_asked_for_with_the_documented_fields() -> None:
    """X6: the money of the transaction, by a name that carries the refund's id."""
    fields = sent(SEND_BACK)
    assert len(fields.pop("mac")) == 64
    assert fields == {
        "app_id": 2553, "m_refund_id": SEND_BACK.idempotency_key, "zp_trans_id": str(TRANSACTION), "amount": 20_000,
        "timestamp": 1795176000000, "description": "paid twice",
    }  # fmt: skip
    assert refund_of(SEND_BACK.idempotency_key or "") == REFUND
    assert sent(adapter().refund(refund_ask(reason="  ")))["description"] == "Refund"
    assert len(sent(adapter().refund(refund_ask(reason="x" * 300)))["description"]) == 100


def test_a_refund_is_looked_for_by_its_stored_name_at_the_time_of_asking() -> None:
    later = NOW + timedelta(days=2)
    fields = sent(adapter().look_for_refund(refund_ask(), SEND_BACK, later))
    assert len(fields.pop("mac")) == 64
    assert fields == {
        "app_id": 2553,
        "m_refund_id": SEND_BACK.idempotency_key,
        "timestamp": 1795176000000 + 172_800_000,
    }


def test_an_order_is_asked_for_and_cancelled_by_its_name_alone() -> None:
    for call in (READ, CLOSE):
        fields = sent(call)
        assert len(fields.pop("mac")) == 64
        assert fields == {"app_id": 2553, "app_trans_id": NAME}
        assert call.idempotency_key is None


def test_a_transaction_or_a_refund_is_not_asked_for_by_itself() -> None:
    """X3: no request is made, and nothing is decided by that."""
    for kind in ("transaction", "refund"):
        outcome = adapter().read(Ref(kind, "1"))
        assert isinstance(outcome, NotDone)
        assert outcome.code == "not_readable"


def test_what_zalopay_cannot_do_is_a_bug_to_ask_for() -> None:
    """A8: there is no list to look through, and only an order can be closed."""
    with pytest.raises(Bug):
        adapter().find("order", NOW, NOW, None)
    with pytest.raises(Bug):
        adapter().read(Ref("payment_intent", "1"))
    for kind in ("transaction", "refund", "payment_intent"):
        with pytest.raises(Bug):
            adapter().close(Ref(kind, "1"), ATTEMPT)
    with pytest.raises(Bug):
        adapter().refund(refund_ask(capture=Ref("order", NAME)))


def test_what_the_account_can_do_is_what_the_documentation_promises() -> None:
    """D8: lives, horizons and currencies steer the engine, never the provider's name."""
    can = adapter().capabilities
    assert (can.flows, can.expiring_flows, can.idempotency) == (("order",), ("order",), "natural")
    assert can.idempotency_life_seconds < 15 * 60
    assert can.refund_life_seconds < 15 * 60
    assert (can.can_close, can.can_find, can.confirm_by_read) == (True, True, False)
    assert (can.refund, can.read_horizon_seconds, can.tells_failures) == ("async", 172_800, False)
    assert can.shortest_session_seconds == 300
    assert can.handled_events == ("order",)
    assert can.why_not(50_000, "VND") is None
    assert "VND" in (can.why_not(50_000, "USD") or "")
    assert isinstance(adapter(), SendsBack)
