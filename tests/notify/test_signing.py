"""Whoever holds one of the secrets can verify what we send; a weak secret starts nothing."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from payonce.base.errors import Refused
from payonce.notify.signing import Signer

OLD = "whsec_" + base64.b64encode(b"an old key of thirty-two bytes!!").decode()
NEW = "whsec_" + base64.b64encode(b"the new key of thirty-two bytes!").decode()
BODY = '{"type":"order.paid","data":{"reference":"fee für Mai"}}'


def signed(secrets: str | list[str]) -> dict[str, str]:
    return dict(Signer(secrets).headers("eff_1", datetime.now(UTC), BODY))


@pytest.mark.parametrize("secrets", [[NEW], [NEW, OLD], [OLD, NEW], f"{OLD}, {NEW}", f"{NEW},{OLD}", f" {NEW}\n"])
def test_the_libraries_of_the_standard_verify_what_we_sign(secrets: str | list[str]) -> None:
    assert Webhook(NEW).verify(BODY, signed(secrets))["type"] == "order.paid"


def test_while_a_secret_is_rotated_both_verify_and_no_other_one_does() -> None:
    headers = signed([NEW, OLD])
    assert Webhook(OLD).verify(BODY, headers) == Webhook(NEW).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(b"some other key of a stranger").verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY + " ", headers)


@pytest.mark.parametrize(
    "plain",
    ["a-secret-of-the-shop-2026", "five words of the shop", "whsec_not_quite_base64_at_all", "c2hvcnQgYnV0IGZpbmU"],
)
def test_a_plain_text_verifies_as_it_stands_and_as_the_libraries_read_it(plain: str) -> None:
    headers = signed([plain])
    Webhook(plain.encode()).verify(BODY, headers)
    Webhook(plain).verify(BODY, headers)


def test_unpadded_base64_names_the_same_key() -> None:
    secret = "whsec_" + base64.b64encode(b"twenty-two bytes are ok").decode()
    Webhook(secret).verify(BODY, signed([secret.rstrip("=")]))


@pytest.mark.parametrize("secrets", ["", "  ", [], [""], [NEW, " "]])
def test_a_missing_secret_starts_nothing(secrets: str | list[str]) -> None:
    """B16: an empty or missing secret refuses to start."""
    with pytest.raises(Refused) as refused:
        Signer(secrets)
    assert refused.value.code == "secret_missing"


@pytest.mark.parametrize(
    "secret", ["changeme", "ChangeMe", "short", "whsec_", "whsec_c2hvcnQ=", "whsec_your_webhook_secret"]
)
def test_a_weak_secret_starts_nothing(secret: str) -> None:
    """B16: neither does one that is short or known to everybody."""
    with pytest.raises(Refused) as refused:
        Signer([secret])
    assert refused.value.code == "secret_weak"
