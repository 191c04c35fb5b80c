"""What an account refuses to start with: a secret that protects nothing, a key that cannot work."""

from __future__ import annotations

import pytest

from payonce.base.errors import Refused
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.providers.stripe.signature import SAMPLES, strong_secret
from tests.providers.stripe.samples import KEY, SECRET


@pytest.mark.parametrize("secrets", [[], [""], ["  \n"], [SECRET, ""]])
def test_a_missing_secret_refuses_to_start(secrets: list[str]) -> None:
    """B16: an empty secret would let everybody sign."""
    with pytest.raises(Refused) as refused:
        StripeAdapter(KEY, secrets)
    assert refused.value.code == "secret_missing"


@pytest.mark.parametrize("secret", ["x", "whsec_12345", *sorted(SAMPLES), "WHSEC_CHANGEME", "  whsec_placeholder\n"])
def test_a_short_secret_and_a_known_sample_refuse_to_start(secret: str) -> None:
    """B16: what stands in a guide protects nothing."""
    with pytest.raises(Refused) as refused:
        StripeAdapter(KEY, [secret])
    assert refused.value.code == "secret_weak"


@pytest.mark.parametrize("secret", ["whsec_test_secret", "test-secret-of-ours", "password-but-longer", "whsec_1234567"])
def test_nothing_is_refused_for_what_it_merely_contains(secret: str) -> None:
    """B16: a fixed list, compared as a whole."""
    assert strong_secret(f" {secret}\n", "the secret") == secret


@pytest.mark.parametrize("key", ["", "   "])
def test_a_missing_api_key_refuses_to_start(key: str) -> None:
    """B16: the key of the API is a secret too."""
    with pytest.raises(Refused) as refused:
        StripeAdapter(key, [SECRET])
    assert refused.value.code == "secret_missing"


def test_one_secret_instead_of_a_list_is_not_taken_letter_by_letter() -> None:
    with pytest.raises(Refused):
        StripeAdapter(KEY, SECRET)


@pytest.mark.parametrize(
    ("key", "base", "mode"),
    [
        ("sk_test_0123456789", "https://api.stripe.com", "test"),
        ("rk_test_0123456789", "https://api.stripe.com", "test"),
        ("sk_live_0123456789", "https://api.stripe.com", "live"),
        ("rk_live_0123456789", "https://api.stripe.com", "live"),
        ("sk_live_0123456789", "https://proxy.shop.example/stripe/", "live"),
        ("anything-at-all", "http://127.0.0.1:8420", "test"),
    ],
)
def test_the_prefix_of_the_key_says_whether_the_money_is_real(key: str, base: str, mode: str) -> None:
    assert StripeAdapter(key, [SECRET], api_base=base).mode == mode


@pytest.mark.parametrize(
    ("key", "base", "code"),
    [
        ("pk_test_0123456789", "https://api.stripe.com", "api_key_wrong"),
        ("pk_live_0123456789", "http://127.0.0.1:8420", "api_key_wrong"),
        ("anything-at-all", "https://api.stripe.com", "api_key_wrong"),
        ("anything-at-all", "https://API.stripe.com/", "api_key_wrong"),
        ("sk_live_0123456789", "http://127.0.0.1:8420", "api_base_insecure"),
        (KEY, "api.stripe.com", "api_base_invalid"),
        (KEY, "file:///etc/passwd", "api_base_invalid"),
        (KEY, "https://somebody@api.stripe.com", "api_base_invalid"),
        (KEY, "https://api.stripe.com?x=1", "api_base_invalid"),
        (KEY, "http://[::1", "api_base_invalid"),
    ],
)
def test_a_key_or_an_address_that_cannot_work_refuses_to_start(key: str, base: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        StripeAdapter(key, [SECRET], api_base=base)
    assert refused.value.code == code


def test_neither_key_nor_secret_shows_when_an_account_is_printed() -> None:
    shown = repr(StripeAdapter(KEY, [SECRET]))
    assert KEY not in shown
    assert SECRET not in shown
