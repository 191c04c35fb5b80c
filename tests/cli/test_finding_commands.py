"""Findings on the command line: what waits, what somebody says about it, and the agreed exit codes."""

from __future__ import annotations

import pytest

from payonce.base import ids
from payonce.domain.finding import KINDS, Finding
from payonce.store.database import Tx
from payonce.store.findings import write_findings
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.cli.conftest import Payonce
from tests.support.house import House


def find(house: House, kind: str = "provider_silent", about: str = "a") -> str:
    """Find a difference; its id as people write it."""
    finding_id = house.world.ids.new()

    async def work(tx: Tx) -> None:
        detail = {"says": "nine payments were found by asking"}
        finding = Finding(finding_id, kind, about, None, 0, None, detail, provider="nowpayments")
        write_findings(tx, DEFAULT_MERCHANT, [finding])

    house.run(house.world.database.transaction(work, name="test"))
    return ids.show(ids.FINDING, finding_id)


def test_a_person_takes_it_up_gives_it_away_lets_it_rest_and_ends_it(payonce: Payonce, house: House) -> None:
    finding = find(house)
    assert payonce("findings", "list", "--state", "unresolved").code == 3
    shown = payonce("findings", "show", finding).out
    assert "developers should" in shown and "how sure: measured" in shown and "nine payments" in shown
    assert payonce("findings", "ack", finding, "--json").json["state"] == "acknowledged"
    assert payonce("findings", "assign", finding, "linh", "--json").json["owner"] == "linh"
    rests = payonce("findings", "ignore", finding, "--for", "24h", "--orders", "5", "--reason", "known", "--json").json
    assert (rests["state"], rests["ignored"]["until_orders"]) == ("ignored", 5)
    assert "ignored by" in payonce("findings", "show", finding).out
    assert "resolved by" in payonce("findings", "resolve", finding, "--reason", "the address was mended").out
    assert payonce("findings", "list").code == 0
    late = payonce("findings", "ack", finding, "--json")
    assert (late.code, late.error["code"]) == (1, "finding_resolved")
    acts = house.rows("SELECT actor, event, cause FROM audit WHERE subject LIKE 'finding%%' ORDER BY audit_id")
    assert [event for _, event, _ in acts] == ["acknowledged", "assigned", "ignored", "resolved"]
    assert all(actor.endswith("(command line)") for actor, _, _ in acts)


def test_a_list_ends_with_three_though_what_waits_is_older_than_what_it_shows(payonce: Payonce, house: House) -> None:
    find(house)
    house.clock.move(1)
    done = find(house, "webhook_lag")
    assert payonce("findings", "resolve", done, "--reason", "over").code == 0
    listed = payonce("findings", "list", "--limit", "1", "--json")
    assert ([each["id"] for each in listed.json], listed.code) == ([done], 3)
    assert payonce("findings", "list", "--state", "resolved").code == 0
    assert payonce("findings", "list", "--kind", "webhook_lag").code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--reason known", "rest_without_end"),
        ("--reason known --for soon", "rest_invalid"),
        ("--reason known --for 1h --until 2030-01-01", "rest_invalid"),
        ("--reason known --until 2020-01-01", "rest_invalid"),
        ("--reason known --more 0", "rest_invalid"),
    ],
)
def test_a_rest_without_a_reason_or_an_end_is_a_usage_error(
    payonce: Payonce, house: House, words: str, code: str
) -> None:
    finding = find(house)
    before = payonce("findings", "show", finding, "--json").json
    answer = payonce("findings", "ignore", finding, *words.split(), "--json")
    assert (answer.code, answer.error["code"]) == (2, code)
    assert payonce("findings", "ignore", finding, "--for", "1h").code == 2, "a reason is needed"
    assert payonce("findings", "show", finding, "--json").json == before


def test_the_kinds_are_listed_with_what_to_do(payonce: Payonce) -> None:
    assert {each["kind"] for each in payonce("findings", "kinds", "--json").json} == set(KINDS)
    assert "provider_silent" in payonce("findings", "kinds").out


def test_a_wrong_filter_is_a_usage_error_and_not_an_empty_list(payonce: Payonce) -> None:
    for words in ("--state opened", "--kind second_charges", "--severity high"):
        assert payonce("findings", "list", *words.split(), "--json").code == 2
