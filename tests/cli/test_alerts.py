"""`payonce alerts`: routes, what was told, the test message, and silences, as an operator uses them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from payonce.domain.alert import Route
from payonce.domain.delivering import OutcomeUnknown
from tests.cli.conftest import Payonce
from tests.support.alarms import Alarms
from tests.support.house import House
from tests.support.webhook_receiver import receiver

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgYWxlcnRzIGhlcmU="
ROUTES = """
[[alerts.routes]]
name = "own"
to = "{url}"
secret_env = "PAYONCE_OPS_SECRET"
severities = ["critical"]

[[alerts.routes]]
name = "chat"
to_env = "OPS_SLACK"
kinds = ["refund_*", "second_charge"]
"""


@pytest.fixture
def routes(payonce: Payonce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with routes, where the command line looks for it."""
    monkeypatch.setenv("PAYONCE_OPS_SECRET", SECRET)
    monkeypatch.setenv("OPS_SLACK", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ")
    path = tmp_path / "payonce.toml"
    path.write_text(ROUTES.format(url="http://127.0.0.1:9/hooks"))
    monkeypatch.setenv("PAYONCE_CONFIG", str(path))
    return path


def test_the_test_button_sends_a_signed_message_and_says_what_became_of_it(
    payonce: Payonce, routes: Path, house: House
) -> None:
    with receiver(SECRET) as endpoint:
        routes.write_text(ROUTES.format(url=endpoint.url))
        tested = payonce("alerts", "test", "own", "--json")
        assert (tested.code, tested.json) == (0, [{"route": "own", "outcome": "accepted", "says": "204"}])
        assert endpoint.got[0].payload["data"]["title"] == "[test] payonce can reach you here"
        endpoint.script = [503]
        refused = payonce("alerts", "test", "own")
    assert (refused.code, refused.out) == (1, "own\trefused\t503\n")
    audit = house.rows("SELECT event, target, cause FROM audit WHERE subject = 'alert_test' ORDER BY audit_id")
    assert audit == [("test", "accepted", "own: 204"), ("test", "refused", "own: 503")]


def test_a_test_of_no_route_says_which_there_are(payonce: Payonce, routes: Path) -> None:
    unknown = payonce("alerts", "test", "pager", "--json")
    assert (unknown.code, unknown.error["code"]) == (1, "route_unknown")
    assert "own, chat" in unknown.error["message"]


def test_without_routes_the_test_says_how_to_write_one(payonce: Payonce) -> None:
    assert payonce("alerts", "test", "--json").error["code"] == "routes_missing"


def test_routes_are_shown_without_what_opens_them(payonce: Payonce, routes: Path) -> None:
    own, chat = payonce("alerts", "routes", "--json").json
    assert (own["leads_to"], own["severities"]) == ("http://127.0.0.1/…", ["critical"])
    assert (chat["leads_to"], chat["kinds"]) == ("slack://…", ["refund_*", "second_charge"])
    shown = payonce("config", "show").out + payonce("config", "show", "--json").out + payonce("alerts", "routes").out
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in shown and SECRET not in shown
    assert [each["name"] for each in payonce("config", "show", "--json").json["alerts"]] == ["own", "chat"]


def test_the_doctor_looks_at_addresses_and_at_what_may_not_have_arrived(
    payonce: Payonce, routes: Path, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    alarms = Alarms(house, Route("own", group=timedelta()))
    alarms["own"].answers = [OutcomeUnknown("no answer")]
    alarms.find()
    alarms.step()
    monkeypatch.setenv("OPS_SLACK", "nonsense://x")
    # The doctor uses the machine's clock, and the house stands still at another time.
    house.rows("UPDATE alert_messages SET begun_at = now() RETURNING 1")
    checks = payonce("doctor", "--json").json["checks"]
    said = [(check["name"], check["health"], check["says"]) for check in checks if check["name"].startswith("alert")]
    assert said == [
        ("alerts", "ok", "the route own has an address"),
        ("alerts", "wrong", "the route chat leads nowhere: apprise knows no such address"),
        ("alerts_told", "warning", "of the route own, 1 messages of this week may not have arrived, 0 did not"),
    ]
    [heartbeat] = [check for check in checks if check["name"] == "heartbeat"]
    assert heartbeat["health"] == "warning"


def test_an_operator_asks_for_silence_and_ends_it(payonce: Payonce, house: House) -> None:
    order = house.place()
    begun = payonce(
        "alerts", "silence", "--kind", "second_charge", "--order", order.reference, "--for", "2h", "--reason", "known",
        "--json",
    )  # fmt: skip
    assert (begun.code, begun.json["holds"], begun.json["reason"]) == (0, True, "known")
    assert payonce("alerts", "silences", "--json").json[0]["author"].endswith("(command line)")
    ended = payonce("alerts", "unsilence", begun.json["id"], "--reason", "mended")
    assert ended.code == 0 and "about second_charge about ord_" in ended.out and "ended" in ended.out
    assert payonce("alerts", "silences").out == ""
    assert len(payonce("alerts", "silences", "--all", "--json").json) == 1
    again = payonce("alerts", "unsilence", begun.json["id"], "--reason", "again", "--json")
    assert (again.code, again.error["code"]) == (1, "silence_ended")


@pytest.mark.parametrize(
    "words", [["--for", "2h"], ["--reason", "x"], ["--reason", "x", "--for", "soon"], ["--reason", "x", "--for", "40d"]]
)
def test_a_silence_without_reason_or_end_is_wrong_usage(payonce: Payonce, house: House, words: list[str]) -> None:
    assert payonce("alerts", "silence", *words).code == 2
    assert house.rows("SELECT 1 FROM silences") == []


def test_what_was_told_is_listed_by_state(payonce: Payonce, house: House) -> None:
    alarms = Alarms(house)
    alarms.find()
    alarms.step()
    [sent] = payonce("alerts", "list", "--state", "sent", "--json").json
    assert (sent["route"], sent["kind"], sent["alerts"]) == ("ops", "second_charge", 1)
    assert payonce("alerts", "list", "--state", "lost").code == 2
