"""What an account refuses to start with: a secret that protects nothing, half a pair of credentials, a wrong place."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.base.errors import Refused
from payonce.providers.contract import Adapter, SendsBack, SignsIn
from payonce.providers.nowpayments.access import SAMPLES, strong_secret
from payonce.providers.nowpayments.adapter import NowPaymentsAdapter
from tests.providers.nowpayments.samples import EMAIL, KEY, PASSWORD, SECRET, adapter, lister


def code_of(**settings: Any) -> str:
    with pytest.raises(Refused) as refused:
        adapter(**settings)
    return refused.value.code


@pytest.mark.parametrize("secret", ["", "  \n", [], [""], f"{SECRET},", f",{SECRET}", [SECRET, ""]])
def test_a_missing_secret_refuses_to_start(secret: Any) -> None:
    """B16: an empty secret would let everybody sign."""
    with pytest.raises(Refused) as refused:
        NowPaymentsAdapter(KEY, secret)
    assert refused.value.code == "secret_missing"


@pytest.mark.parametrize("secret", ["x", "ipn-secret", *sorted(SAMPLES), "YOUR_IPN_SECRET_KEY", " {{api-key}}\n"])
def test_a_short_secret_and_a_known_sample_refuse_to_start(secret: str) -> None:
    """B16: what stands in a guide protects nothing."""
    for key, ipn in ((secret, SECRET), (KEY, secret)):
        with pytest.raises(Refused) as refused:
            NowPaymentsAdapter(key, ipn)
        assert refused.value.code == "secret_weak"


@pytest.mark.parametrize("secret", [SECRET, "your_api_key_1234", "password-but-longer"])
def test_nothing_is_refused_for_what_it_merely_contains(secret: str) -> None:
    """B16: a fixed list, compared as a whole."""
    assert strong_secret(f" {secret}\n", "the secret") == secret


@pytest.mark.parametrize("key", ["", "   "])
def test_a_missing_api_key_refuses_to_start(key: str) -> None:
    """B16: the key of the API is a secret too."""
    with pytest.raises(Refused) as refused:
        NowPaymentsAdapter(key, SECRET)
    assert refused.value.code == "secret_missing"


def test_e_mail_and_password_are_given_together_or_not_at_all() -> None:
    assert code_of(email=EMAIL) == code_of(password=PASSWORD) == code_of(email="  ", password="x")
    assert code_of(email=EMAIL) == "credentials_incomplete"
    assert not adapter().capabilities.can_find
    assert lister().capabilities.can_find


@pytest.mark.parametrize("coin", ["", " ", "usdt trc20", "usdt/trc20", "ü", "x" * 40])
def test_a_coin_that_cannot_be_one_refuses_to_start(coin: str) -> None:
    assert code_of(pay_currency=coin) == "pay_currency_invalid"


@pytest.mark.parametrize(
    ("base", "mode"),
    [
        ("https://api.nowpayments.io", "live"),
        ("https://api.nowpayments.io/v1/", "live"),
        ("https://API.nowpayments.io", "live"),
        ("https://eu.nowpayments.io", "live"),
        ("https://api-sandbox.nowpayments.io/v1", "test"),
        ("http://127.0.0.1:8421", "test"),
        ("https://nowpayments.io.example", "test"),
    ],
)
def test_the_address_says_whether_the_money_is_real(base: str, mode: str) -> None:
    assert adapter(api_base=base).mode == mode


def test_without_an_address_it_is_the_real_one() -> None:
    assert (adapter().mode, adapter().provider, adapter().account) == ("live", "nowpayments", "main")
    assert adapter(account="eu").account == "eu"


@pytest.mark.parametrize(
    ("base", "code"),
    [
        ("http://api.nowpayments.io", "api_base_insecure"),
        ("http://api-sandbox.nowpayments.io", "api_base_insecure"),
        ("api.nowpayments.io", "api_base_invalid"),
        ("", "api_base_invalid"),
        ("file:///etc/passwd", "api_base_invalid"),
        ("https://somebody@api.nowpayments.io", "api_base_invalid"),
        ("https://api.nowpayments.io?x=1", "api_base_invalid"),
        ("http://[::1", "api_base_invalid"),
    ],
)
def test_an_address_that_cannot_work_refuses_to_start(base: str, code: str) -> None:
    assert code_of(api_base=base) == code


def test_no_secret_shows_when_an_account_is_printed() -> None:
    shown = repr(lister())
    for secret in (KEY, SECRET, PASSWORD, EMAIL):
        assert secret not in shown


def test_it_keeps_the_contract_signs_in_and_sends_nothing_back() -> None:
    one: Adapter = adapter()
    assert isinstance(one, SignsIn)
    assert not isinstance(one, SendsBack)
    assert one.capabilities.refund == "none"
