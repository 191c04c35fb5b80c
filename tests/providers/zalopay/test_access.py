"""What an account refuses to start with: a key that protects nothing, a number or an address that cannot work."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.base.errors import Refused
from payonce.providers.zalopay.access import PUBLISHED, SAMPLES, strong_key
from payonce.providers.zalopay.adapter import ZaloPayAdapter
from tests.providers.zalopay.samples import CREATE, KEY1, KEY2, SANDBOX, adapter, ask

OURS = "a-key-of-our-own-1"


def refusal(**settings: Any) -> str:
    with pytest.raises(Refused) as refused:
        adapter(**settings)
    return refused.value.code


@pytest.mark.parametrize("keys", [(), ("",), ("  \n",), (KEY2, "")])
def test_a_missing_key2_refuses_to_start(keys: tuple[str, ...]) -> None:
    """B16: an empty key would let everybody sign."""
    assert refusal(key2s=keys) == "secret_missing"


@pytest.mark.parametrize("key", ["", " \t"])
def test_a_missing_key1_refuses_to_start(key: str) -> None:
    """B16: the key that signs what we send is a secret too."""
    assert refusal(key1=key) == "secret_missing"


@pytest.mark.parametrize("key", ["x", "12345678901", *sorted(SAMPLES), "ZALOPAY_KEY2", "  your_zalopay_key2\n"])
def test_a_short_key_and_a_known_sample_refuse_to_start(key: str) -> None:
    """B16: what stands in a guide protects nothing."""
    assert refusal(key2s=(key,)) == "secret_weak"
    assert refusal(key1=key) == "secret_weak"


@pytest.mark.parametrize("key", sorted(PUBLISHED))
def test_the_sandbox_s_published_keys_are_refused_where_the_money_is_real(key: str) -> None:
    """B16: anybody can sign with them; the sandbox itself and stand-ins take them."""
    assert refusal(key2s=(key,), key1=OURS, api_base="https://openapi.zalopay.vn") == "secret_weak"
    assert refusal(key2s=(OURS,), key1=key, api_base="https://openapi.zalopay.vn") == "secret_weak"
    assert strong_key(f" {key}\n", "key1", "test") == key


def test_one_key_instead_of_a_list_is_not_taken_letter_by_letter() -> None:
    with pytest.raises(Refused):
        ZaloPayAdapter("2553", KEY1, KEY2, api_base=SANDBOX)


@pytest.mark.parametrize(
    ("base", "mode"),
    [
        ("https://openapi.zalopay.vn", "live"),
        ("https://OPENAPI.zalopay.vn/", "live"),
        ("https://sb-openapi.zalopay.vn", "test"),
        ("http://127.0.0.1:8421/", "test"),
        ("https://openapi.zalopay.vn.shop.example", "test"),
    ],
)
def test_the_address_says_whether_the_money_is_real(base: str, mode: str) -> None:
    assert adapter(key1=OURS, key2s=(OURS,), api_base=base).mode == mode


def test_without_an_address_the_money_is_real() -> None:
    assert ZaloPayAdapter("2553", OURS, [OURS]).mode == "live"


@pytest.mark.parametrize(
    ("base", "code"),
    [
        ("http://openapi.zalopay.vn", "api_base_insecure"),
        ("openapi.zalopay.vn", "api_base_invalid"),
        ("file:///etc/passwd", "api_base_invalid"),
        ("https://somebody@openapi.zalopay.vn", "api_base_invalid"),
        ("https://openapi.zalopay.vn?x=1", "api_base_invalid"),
        ("http://[::1", "api_base_invalid"),
    ],
)
def test_an_address_that_cannot_work_refuses_to_start(base: str, code: str) -> None:
    assert refusal(key1=OURS, key2s=(OURS,), api_base=base) == code


@pytest.mark.parametrize("app", ["", "0", "-1", "2553a", "٢٥٥٣", "12345678901", "25 53"])
def test_a_number_that_is_no_application_s_refuses_to_start(app: str) -> None:
    assert refusal(app=app) == "app_id_wrong"


def test_the_number_may_come_as_text_or_number() -> None:
    assert adapter(app=2553).create(ask()) == adapter(app=" 2553\n").create(ask())


def test_no_key_shows_when_an_account_or_a_request_is_printed() -> None:
    """B16: logs and errors never hold one."""
    account = adapter()
    shown = repr(account) + repr(CREATE) + repr(account.request(CREATE))
    assert KEY1 not in shown
    assert KEY2 not in shown
