"""What the commands say of accounts and of the choices about surplus: everything, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Payonce

FILE = """
[surplus]
second = { value = "hold", reason = "the till settles by hand", who = "linh", when = 2026-11-01 }

[merchants.shop_2.surplus]
over = "hold"

[[accounts]]
provider = "zalopay"
account = "wallet"
merchant = "shop_2"
app_id = 2553
key1 = "key1_that_nobody_may_see"
key2_env = "SHOP_2_KEY2"
api_base = "http://127.0.0.1:9"
"""


@pytest.fixture
def configured(payonce: Payonce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Payonce:
    """Two merchants with an account each."""
    (tmp_path / "payonce.toml").write_text(FILE)
    monkeypatch.setenv("SHOP_2_KEY2", "key2_that_nobody_may_see")
    return payonce


def test_the_doctor_prints_every_choice_with_its_reason(configured: Payonce) -> None:
    """X6: value, reason, who and when, or why the shipped answer is what it is."""
    told = " ".join(configured("doctor").out.split())
    assert "What becomes of a second payment of what is paid? hold" in told
    assert "second: the till settles by hand (decided by linh on 2026-11-01)" in told
    assert "over: default: the order is settled by what it asks" in told
    assert "as shop_2 decided" in told and "over: no reason is written" in told
    assert "nobody_may_see" not in told


def test_the_doctor_tells_programs_the_same(configured: Payonce) -> None:
    answer = configured("doctor", "--json").json
    choice = {each["name"]: each for each in answer["surplus"]["default"]}["second"]
    assert (choice["value"], choice["who"], choice["when"]) == ("hold", "linh", "2026-11-01")
    names = [check["name"] for check in answer["checks"]]
    assert {"surplus", "surplus of shop_2", "stripe:main", "zalopay:wallet", "zalopay:wallet limits"} <= set(names)


@pytest.mark.parametrize("words", [("config", "show"), ("config", "show", "--json")])
def test_the_settings_show_accounts_and_choices_with_secrets_masked(
    configured: Payonce, words: tuple[str, ...]
) -> None:
    told = configured(*words).out
    assert "nobody_may_see" not in told and "sk_test_house_1234567890" not in told
    assert "wallet" in told and "shop_2" in told
    if "--json" in words:
        shown = configured(*words).json
        assert shown["accounts"][1] == {
            "provider": "zalopay", "account": "wallet", "merchant": "shop_2", "app_id": "2553", "key1": "…_see",
            "key2s": ["…_see"], "api_base": "http://127.0.0.1:9",
        }  # fmt: skip
        assert shown["surplus"]["shop_2"][1]["origin"] == "[merchants.shop_2.surplus] of payonce.toml"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("[jobs]\nno_such_job = 'off'\n", "job_unknown"),
        (FILE.replace("key1_that_nobody_may_see", "changeme"), "secret_weak"),
        ("webhook_url = 'http://user@shop.example/in'\nwebhook_secret = 'whsec_of_the_shop_1234567890'\n",
         "webhook_url_invalid"),
        ("smtp_url = 'http://mail.example'\nmail_from = 'shop@shop.example'\n", "smtp_url_invalid"),
        ("trusted_proxies = 'everybody'\n", "setting_invalid"),
        ("api_key = 'pok_short_but_no_sample'\nmerchant = 'a'\nbase_url = 'ftp://shop.example'\n", "setting_invalid"),
    ],
)  # fmt: skip
def test_what_serve_refuses_is_refused_where_settings_are_looked_at(
    configured: Payonce, tmp_path: Path, written: str, code: str
) -> None:
    """B16: settings that cannot start are not shown as if they could; each command says the same."""
    (tmp_path / "payonce.toml").write_text(written)
    for words in (("config", "show"), ("serve", "--port", "0")):
        answer = configured(*words, "--json")
        assert (answer.code > 0, answer.error["code"]) == (True, code)
    doctor = configured("doctor", "--json")
    assert doctor.code != 0
    assert code in doctor.err or any(check["health"] == "wrong" for check in doctor.json["checks"])


def test_the_file_that_was_read_is_named_wherever_settings_are_looked_at(configured: Payonce, tmp_path: Path) -> None:
    """B5: who started a command in another folder sees that other decisions are in force."""
    here = str((tmp_path / "payonce.toml").resolve())
    assert configured("config", "show", "--json").json["file"] == here
    assert here in configured("config", "show").err
    checks = {check["name"]: check["says"] for check in configured("doctor", "--json").json["checks"]}
    assert checks["settings file"] == here
    (tmp_path / "payonce.toml").unlink()
    assert configured("config", "show", "--json").json["file"] is None
    assert f"no payonce.toml in {tmp_path.resolve()}" in configured("config", "show").err
