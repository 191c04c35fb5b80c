"""A package that somebody else wrote brings a provider: it is found, keeps every rule, and takes an order's money."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from payonce.accounts import ThirdParty
from payonce.base.errors import Refused
from payonce.testing.conformance import RULES, checks
from payonce.third_party import third_party_adapter
from tests.conformance.acme import SETTINGS, AcmeCase, adapter, simulator
from tests.project.tree import ROOT
from tests.support.clocks import HandClock
from tests.support.house import House
from tests.support.parties import Seat


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package, where an installer would put it."""
    site = tmp_path / "site-packages"
    shutil.copytree(ROOT / "tests/conformance/third_party", site)
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_it_keeps_every_rule_of_the_suite(rule: str) -> None:
    for check in checks(AcmeCase()):
        if check.rule.name == rule:
            check()


def test_an_order_is_paid_through_it_once_and_money_too_much_goes_back(database_url: str) -> None:
    """C22: two payments of one order: one is recorded, and the other goes back through the same package."""
    house = House(database_url, seat=_seat)
    order = house.place()
    first = house.checkout(order)
    house.clock.move(31 * 60)
    second = house.checkout(order)
    sim = house.party.truth.dump()["charges"]
    sim[0]["status"] = "new"
    for checkout in (first, second):
        assert house.pay(checkout) == "succeeded"
    assert {received.outcome for received in house.deliver_owed()} == {"applied"}
    for _ in range(3):
        house.send_refunds()
        house.clock.move(600)
    seen = house.see(order)
    assert (seen.state, seen.counters.charged, seen.counters.recorded) == ("paid", 2, 1)
    assert [len(rows) for rows in house.party.truth.refunds_by_id().values()] == [1]
    sums = house.rows("SELECT account, sum(amount_minor) FROM postings GROUP BY account HAVING sum(amount_minor) <> 0")
    assert dict(sums) == {"clearing:acme:main": 4500, "orders": -4500}
    house.close()


def test_what_it_refuses_is_told_in_its_own_words_and_without_its_secrets() -> None:
    with pytest.raises(Refused) as refused:
        adapter(secret="")
    assert (refused.value.code, refused.value.message) == ("setting_missing", "an Acme account needs secret")
    with pytest.raises(Refused) as missing:
        third_party_adapter(ThirdParty(provider="acmee", settings=SETTINGS))
    assert missing.value.code == "provider_missing" and "installed: acme" in (missing.value.hint or "")


def _seat(clock: HandClock) -> Seat:
    return Seat(simulator(clock), adapter(), "charge", "EUR")
