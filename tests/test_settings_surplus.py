"""What becomes of money that does not fit, as a merchant decides it in the file: values, reasons, and what is no
choice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from payonce.base.errors import Refused
from payonce.domain.policy import SurplusPolicy
from payonce.installation import of_settings
from payonce.settings import Settings, load
from payonce.settings_surplus import QUESTIONS, shipped

SHOPS = """
[[accounts]]
provider = "stripe"
account = "second"
merchant = "shop_2"
api_key = "sk_test_of_the_second_1234"
webhook_secret = "whsec_second_1234567890"
"""


def settings(folder: Path, text: str) -> Settings:
    path = folder / "payonce.toml"
    path.write_text(text)
    return load({}, environ={}, file=path)


def test_every_choice_has_a_question_and_a_reason() -> None:
    """X6: a default that nobody can explain is no decision."""
    assert set(QUESTIONS) == set(SurplusPolicy.__dataclass_fields__)
    assert all(choice.question and choice.because.startswith("default: ") for choice in shipped())


def test_what_nobody_decides_is_as_it_is_shipped(tmp_path: Path) -> None:
    found = settings(tmp_path, "")
    assert (found.policy.surplus, found.policies) == (SurplusPolicy(), {})


def test_a_choice_is_a_value_or_a_value_that_somebody_stands_for(tmp_path: Path) -> None:
    """X6: what becomes of a second, late or excess payment is written down, with reason, person and day."""
    found = settings(
        tmp_path,
        '[surplus]\nover = "hold"\nlate_within = "14d"\nrefund_a_day_minor = { usd = 100, VND = 0 }\nrefund_rows = 5\n'
        'second = { value = "hold", reason = "by hand", who = "linh", when = 2026-11-01 }\n'
        '[surplus.refund_at_most_minor]\nvalue = { USD = 70 }\nreason = "small"\nwho = "ann"\nwhen = "2026-11-02"\n',
    )
    surplus = found.policy.surplus
    assert (surplus.second, surplus.over, surplus.late, surplus.refund_rows) == ("hold", "hold", "revive", 5)
    assert surplus.late_within == timedelta(days=14)
    assert (surplus.refund_at_most_minor, surplus.refund_a_day_minor) == ({"USD": 70}, {"USD": 100, "VND": 0})
    said = {choice.name: choice for choice in found.choices_of("default")}
    assert said["second"].because == "by hand (decided by linh on 2026-11-01)"
    assert (said["second"].shown, said["second"].origin) == ("hold", "[surplus] of payonce.toml")
    assert (said["refund_at_most_minor"].shown, said["refund_at_most_minor"].who) == ("0.70 USD", "ann")
    assert said["over"].because == "no reason is written"
    assert said["late"].because.startswith("default: ")


def test_a_merchant_decides_for_itself_and_the_rest_stands_as_for_all(tmp_path: Path) -> None:
    found = settings(
        tmp_path, f'[surplus]\nsecond = "hold"\nover = "hold"\n[merchants.shop_2.surplus]\nsecond = "refund"\n{SHOPS}'
    )
    installation = of_settings(found)
    assert installation.policies["shop_2"].surplus == SurplusPolicy(second="refund", over="hold")
    assert installation.policy.surplus == SurplusPolicy(second="hold", over="hold")
    assert [each.value for each in found.choices_of("shop_2")[:2]] == ["refund", "hold"]
    assert [each.value for each in found.choices_of("default")[:2]] == ["hold", "hold"]


def test_a_merchants_own_policy_keeps_the_rest_of_the_settings(tmp_path: Path) -> None:
    found = settings(tmp_path, f'stale_after = "10m"\n[merchants.shop_2.surplus]\nlate = "hold"\n{SHOPS}')
    assert found.policies["shop_2"].stale_after == timedelta(minutes=10)


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ('[surplus]\nsecond = "keep"\n', "policy_invalid", "it can be refund or hold"),
        ('[surplus]\nlate = "Refund"\n', "policy_invalid", "it can be revive or refund or hold"),
        ("[surplus]\nsecond = 1\n", "policy_invalid", "it can be refund or hold"),
        ('[surplus]\nsecund = "hold"\n', "setting_unknown", "Did you mean 'second'?"),
        ('[surplus]\nlate_within = "soon"\n', "policy_invalid", "late_within"),
        ('[surplus]\nlate_within = "-1d"\n', "policy_invalid", "late_within"),
        ('[surplus]\nlate_within = "4000d"\n', "policy_invalid", "late_within"),
        ("[surplus]\nlate_within = true\n", "policy_invalid", "late_within"),
        ("[surplus]\nrefund_rows = 0\n", "policy_invalid", "from 1 to 20"),
        ("[surplus]\nrefund_rows = true\n", "policy_invalid", "from 1 to 20"),
        ("[surplus]\nrefund_rows = 2.5\n", "policy_invalid", "from 1 to 20"),
        ("[surplus]\nrefund_at_most_minor = 500\n", "policy_invalid", "by currency"),
        ("[surplus]\nrefund_at_most_minor = { XXX = 1 }\n", "policy_invalid", "no currency of ISO 4217"),
        ("[surplus]\nrefund_at_most_minor = { USD = 1.5 }\n", "policy_invalid", "whole number of minor units"),
        ("[surplus]\nrefund_at_most_minor = { USD = -1 }\n", "policy_invalid", "whole number of minor units"),
        ('[surplus]\nsecond = { value = "hold" }\n', "policy_invalid", "does not say reason, who, when"),
        ('[surplus]\nsecond = { value = "hold", reason = "r", who = " ", when = 2026-11-01 }\n', "policy_invalid",
         "does not say who"),
        ('[surplus]\nsecond = { value = "hold", why = "r" }\n', "policy_invalid", "has 'why'"),
        ('[surplus]\nsecond = { value = "gone", reason = "r", who = "w", when = 2026-11-01 }\n', "policy_invalid",
         "it can be refund or hold"),
        ('surplus = "hold"\n', "policy_invalid", "is no table"),
        ('[merchants.shop_3.surplus]\nsecond = "hold"\n', "setting_unknown", "There are default."),
        ('[merchants.default]\nsurpluss = "hold"\n', "setting_unknown", "Did you mean 'surplus'?"),
        ('[merchants]\ndefault = "hold"\n', "policy_invalid", "[merchants.NAME.surplus]"),
        ('[merchants.default.surplus]\nsecond = "keep"\n', "policy_invalid", "[merchants.default.surplus]"),
    ],
)  # fmt: skip
def test_what_is_no_choice_starts_nothing_and_says_why(tmp_path: Path, text: str, code: str, says: str) -> None:
    with pytest.raises(Refused) as caught:
        settings(tmp_path, text)
    assert caught.value.code == code
    assert says in f"{caught.value.message} {caught.value.hint}"
