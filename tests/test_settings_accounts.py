"""Provider accounts of the settings: one of each provider by its variables, more by tables of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from payonce.accounts import NowPayments, Real, Stripe, ThirdParty, ZaloPay
from payonce.base.errors import Refused
from payonce.cli import config_commands
from payonce.settings import load

STRIPE = {
    "PAYONCE_STRIPE_API_KEY": "sk_test_1234567890123456", "PAYONCE_STRIPE_WEBHOOK_SECRET": "whsec_1234567890123456",
}  # fmt: skip
ZALOPAY = {
    "PAYONCE_ZALOPAY_APP_ID": "1234", "PAYONCE_ZALOPAY_KEY1": "key1_of_the_tests_1234",
    "PAYONCE_ZALOPAY_KEY2": "key2_of_the_tests_1234",
}  # fmt: skip
NOWPAYMENTS = {
    "PAYONCE_NOWPAYMENTS_API_KEY": "KEY-OF-THE-TESTS-1234", "PAYONCE_NOWPAYMENTS_IPN_SECRET": "ipn_of_the_tests_1234",
}  # fmt: skip
SECOND = """
[[accounts]]
provider = "stripe"
account = "second"
merchant = "shop_2"
api_key_env = "SHOP_2_KEY"
webhook_secret = ["whsec_second_1234567890", "whsec_older_1234567890"]
flow = "payment_intent"
payment_method_types = ["card", "link"]
"""


def accounts(folder: Path, text: str = "", **environ: str) -> list[Real]:
    """The accounts of a settings file and of the environment."""
    path = folder / "payonce.toml"
    path.write_text(text)
    return list(load({}, environ=environ, file=path).accounts)


def refused(folder: Path, text: str = "", **environ: str) -> Refused:
    with pytest.raises(Refused) as caught:
        accounts(folder, text, **environ)
    return caught.value


def test_each_provider_has_a_first_account_by_its_variables(tmp_path: Path) -> None:
    more = {
        "PAYONCE_ZALOPAY_KEY2": "key2_of_the_tests_1234, key2_of_before_1234", "PAYONCE_ZALOPAY_ACCOUNT": "wallet",
        "PAYONCE_ZALOPAY_API_BASE": "https://sb-openapi.zalopay.vn/", "PAYONCE_NOWPAYMENTS_EMAIL": "shop@example.org",
        "PAYONCE_NOWPAYMENTS_PASSWORD": "the password", "PAYONCE_NOWPAYMENTS_FLOW": "payment",
        "PAYONCE_NOWPAYMENTS_PAY_CURRENCY": "btc", "PAYONCE_MERCHANT": "club",
    }  # fmt: skip
    stripe, zalopay, nowpayments = accounts(tmp_path, **STRIPE, **(ZALOPAY | NOWPAYMENTS | more))
    assert isinstance(stripe, Stripe) and stripe.merchant_id == "club"
    assert zalopay == ZaloPay(
        app_id="1234", key1="key1_of_the_tests_1234", key2s=("key2_of_the_tests_1234", "key2_of_before_1234"),
        account="wallet", api_base="https://sb-openapi.zalopay.vn", merchant_id="club",
    )  # fmt: skip
    assert nowpayments == NowPayments(
        api_key="KEY-OF-THE-TESTS-1234", ipn_secrets=("ipn_of_the_tests_1234",), email="shop@example.org",
        password="the password", flow="payment", pay_currency="btc", merchant_id="club",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        *[({name: value for name, value in ZALOPAY.items() if name != left}, left) for left in ZALOPAY],
        *[(ZALOPAY | {left: ""}, left) for left in ZALOPAY],
        *[({name: value for name, value in NOWPAYMENTS.items() if name != left}, left) for left in NOWPAYMENTS],
        *[(NOWPAYMENTS | {left: ""}, left) for left in NOWPAYMENTS],
        ({"PAYONCE_ZALOPAY_APP_ID": "1234"}, "PAYONCE_ZALOPAY_KEY1 and PAYONCE_ZALOPAY_KEY2 are missing"),
        ({"PAYONCE_ZALOPAY_API_BASE": "https://sb-openapi.zalopay.vn"}, "PAYONCE_ZALOPAY_APP_ID and"),
        ({"PAYONCE_NOWPAYMENTS_PAY_CURRENCY": "btc"}, "PAYONCE_NOWPAYMENTS_API_KEY and"),
        (NOWPAYMENTS | {"PAYONCE_NOWPAYMENTS_EMAIL": "a@b.example"}, "PAYONCE_NOWPAYMENTS_PASSWORD is missing"),
        (NOWPAYMENTS | {"PAYONCE_NOWPAYMENTS_PASSWORD": "secret of ours"}, "PAYONCE_NOWPAYMENTS_EMAIL is missing"),
        (ZALOPAY | {"PAYONCE_ZALOPAY_KEY2": " , "}, "PAYONCE_ZALOPAY_KEY2 is missing"),
    ],
)
def test_a_part_of_a_providers_settings_starts_nothing_and_what_is_missing_is_named(
    tmp_path: Path, environ: dict[str, str], says: str
) -> None:
    """B16: whoever hears of money without the secret that proves it would believe anybody."""
    error = refused(tmp_path, **environ)
    assert error.code == "secret_missing"
    assert says in error.message


def test_more_accounts_stand_in_tables_and_a_secret_can_be_named_by_its_variable(tmp_path: Path) -> None:
    first, second = accounts(tmp_path, SECOND, **STRIPE, SHOP_2_KEY="rk_test_of_the_second_1234")
    assert (first.account, first.merchant_id) == ("main", "default")
    assert second == Stripe(
        api_key="rk_test_of_the_second_1234", account="second", merchant_id="shop_2", flow="payment_intent",
        webhook_secrets=("whsec_second_1234567890", "whsec_older_1234567890"), payment_method_types=("card", "link"),
    )  # fmt: skip


def test_a_variable_that_a_table_names_may_be_called_as_it_likes(tmp_path: Path) -> None:
    text = SECOND.replace("SHOP_2_KEY", "PAYONCE_SHOP_2_KEY")
    [second] = accounts(tmp_path, text, PAYONCE_SHOP_2_KEY="rk_test_of_the_second_1234")
    assert isinstance(second, Stripe) and second.api_key == "rk_test_of_the_second_1234"
    assert refused(tmp_path, "", PAYONCE_SHOP_2_KEY="rk_test_of_the_second_1234").code == "setting_unknown"


def test_numbers_may_be_written_as_numbers(tmp_path: Path) -> None:
    text = '[[accounts]]\nprovider = "zalopay"\napp_id = 2554\nkey1 = "key1_of_a_table"\nkey2 = "key2_of_a_table"\n'
    [zalopay] = accounts(tmp_path, text)
    assert isinstance(zalopay, ZaloPay) and (zalopay.app_id, zalopay.key2s) == ("2554", ("key2_of_a_table",))


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (SECOND.replace("api_key_env", "api_kee_env"), "setting_unknown", "'api_key'"),
        (SECOND.replace("webhook_secret", "webhook_sekret"), "setting_unknown", "'webhook_secret'"),
        (SECOND.replace("merchant", "merchand"), "setting_unknown", "'merchant'"),
        (SECOND + 'key1 = "x"\n', "setting_unknown", "There are provider, merchant"),
        (SECOND + 'api_key = "x"\n', "setting_invalid", "stands twice"),
        (SECOND.replace("SHOP_2_KEY", "SHOP_3_KEY"), "secret_missing", "SHOP_3_KEY, which is not set"),
        (SECOND.replace("payment_intent", "order"), "setting_invalid", "'flow' in [[accounts]] 1"),
        (SECOND.replace('"shop_2"', '"Shop 2"'), "setting_invalid", "merchant in [[accounts]] 1"),
        (SECOND.replace('"second"', '"a/b"'), "setting_invalid", "account in [[accounts]] 1"),
        (SECOND.replace('provider = "stripe"', ""), "setting_invalid", "provider in [[accounts]] 1"),
        (SECOND.replace("webhook_secret = [", "payment = ["), "setting_unknown", "'payment'"),
        (SECOND.replace('"whsec_second_1234567890", "whsec_older_1234567890"', ""), "secret_missing",
         "'webhook_secret' in [[accounts]] 1 of payonce.toml is missing"),
        (SECOND + SECOND, "account_name_taken", "two accounts of stripe are named 'second'"),
        ('accounts = "stripe"\n', "setting_invalid", "[[accounts]]"),
    ],
)  # fmt: skip
def test_a_table_that_is_not_right_starts_nothing_and_says_where(
    tmp_path: Path, text: str, code: str, says: str
) -> None:
    error = refused(tmp_path, text, SHOP_2_KEY="rk_test_of_the_second_1234")
    assert error.code == code
    assert says in f"{error.message} {error.hint}"


def test_the_simulators_stand_beside_no_table_either(tmp_path: Path) -> None:
    (tmp_path / "payonce.toml").write_text(SECOND)
    with pytest.raises(Refused) as caught:
        load({"simulate": True}, environ={"SHOP_2_KEY": "rk_test_1234567890"}, file=tmp_path / "payonce.toml")
    assert caught.value.code == "simulator_refused"


def test_a_provider_of_another_package_is_told_all_that_its_table_says(tmp_path: Path) -> None:
    text = (
        '[[accounts]]\nprovider = "acme"\nmerchant = "shop_2"\nflow = "pay"\ntoken_env = "ACME"\nregion = { a = 1 }\n'
    )
    [acme] = accounts(tmp_path, text, ACME="token_of_acme_1234")
    told = {"provider": "acme", "account": "main", "token": "token_of_acme_1234", "region": {"a": 1}}
    assert acme == ThirdParty(provider="acme", settings=told, flow="pay", merchant_id="shop_2")


def test_no_secret_of_an_account_is_shown(tmp_path: Path) -> None:
    text = SECOND + '[[accounts]]\nprovider = "acme"\nsecret = "secret_of_acme_in_a_file"\n'
    found = accounts(tmp_path, text, **STRIPE, **ZALOPAY, **NOWPAYMENTS, SHOP_2_KEY="rk_test_of_the_second_1234")
    told: Any = [config_commands.account_shown(account) for account in found]
    for secret in ("1234567890123456", "of_the_tests", "OF-THE-TESTS", "of_the_second", "older", "secret_of_acme"):
        assert secret not in repr(found)
        assert secret not in repr(told)
    assert [each["provider"] for each in told] == ["stripe", "zalopay", "nowpayments", "stripe", "acme"]
    assert told[3]["api_key"] == "rk_test_…1234"
