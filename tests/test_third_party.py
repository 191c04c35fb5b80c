"""A provider that another package brings, by an entry point: it is taken where it fits, and refused with the reason."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from payonce.accounts import ThirdParty
from payonce.app import adapter_of
from payonce.base.errors import Refused
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.third_party import GROUP, third_party_adapter

HERE = "tests.test_third_party"
ACME = ThirdParty(provider="acme", account="shop", settings={"token": "sk_test_of_acme_1234567890"})


class Acme(StripeAdapter):
    """What the other package's provider is like."""

    @property
    def provider(self) -> str:
        return "acme"


class Halfway(Acme):
    """An adapter of an older contract."""

    acknowledge = None  # type: ignore[assignment]


class Modeless(Acme):
    """An adapter that does not say whether its money is real."""

    mode = "sandbox"  # type: ignore[assignment]


def made(settings: Mapping[str, Any], kind: type[Acme] = Acme, account: str = "") -> Acme:
    return kind(settings["token"], ["whsec_of_acme_1234567890"], account=account or settings["account"])


def fits(settings: Mapping[str, Any]) -> Acme:
    return made(settings)


def of_another_account(settings: Mapping[str, Any]) -> Acme:
    return made(settings, account="elsewhere")


def of_another_provider(settings: Mapping[str, Any]) -> StripeAdapter:
    return StripeAdapter(settings["token"], ["whsec_of_acme_1234567890"], account=settings["account"])


def halfway(settings: Mapping[str, Any]) -> Acme:
    return made(settings, Halfway)


def modeless(settings: Mapping[str, Any]) -> Acme:
    return made(settings, Modeless)


def nothing(settings: Mapping[str, Any]) -> None:
    return None


def fails(settings: Mapping[str, Any]) -> None:
    raise RuntimeError(f"it is {settings['token']}")


def refuses(settings: Mapping[str, Any]) -> None:
    raise Refused("the token is a sample", code="secret_weak")


def point(name: str, maker: str) -> EntryPoint:
    return EntryPoint(name, f"{HERE}:{maker}", GROUP)


def test_what_the_entry_point_makes_is_the_adapter_of_the_account() -> None:
    adapter = third_party_adapter(ACME, [point("other", "fails"), point("acme", "fits")])
    assert isinstance(adapter, Acme)
    assert (adapter.provider, adapter.account, adapter.mode) == ("acme", "shop", "test")


@pytest.mark.parametrize(
    ("points", "code", "says"),
    [
        ([], "provider_missing", "no installed package brings the provider 'acme'"),
        ([("acne", "fits")], "provider_missing", "installed: acne"),
        ([("acme", "fits"), ("acme", "fits")], "provider_broken", "2 installed packages"),
        ([("acme", "not_there")], "provider_broken", "raised AttributeError"),
        ([("acme", "fails")], "provider_broken", "raised RuntimeError"),
        ([("acme", "refuses")], "secret_weak", "the token is a sample"),
        ([("acme", "nothing")], "provider_broken", "its provider is None and not 'acme'"),
        ([("acme", "of_another_provider")], "provider_broken", "its provider is 'stripe' and not 'acme'"),
        ([("acme", "of_another_account")], "provider_broken", "its account is 'elsewhere' and not 'shop'"),
        ([("acme", "halfway")], "provider_broken", "it has no acknowledge"),
        ([("acme", "modeless")], "provider_broken", "its mode is neither test nor live"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_said_and_starts_nothing(
    points: list[tuple[str, str]], code: str, says: str
) -> None:
    with pytest.raises(Refused) as caught:
        third_party_adapter(ACME, [point(*each) for each in points])
    assert caught.value.code == code
    assert says in f"{caught.value.message} {caught.value.hint}"
    assert "of_acme_123" not in f"{caught.value.message} {caught.value.hint}"


def test_an_installed_package_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = tmp_path / "acme_payonce-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-payonce\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\nacme = {HERE}:fits\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert adapter_of(ACME).provider == "acme"
