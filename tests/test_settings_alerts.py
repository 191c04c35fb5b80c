"""Routes of alerts in the file: what is refused, with which suggestion, and that no secret is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from payonce.base.errors import Refused
from payonce.settings import load

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
NAMED = '[[alerts.routes]]\nname = "a"\n'
ROUTE = NAMED + 'to = "slack://x/y/z"\n'


def read(folder: Path, text: str, **environ: str):  # type: ignore[no-untyped-def]
    """The routes of a file."""
    path = folder / "payonce.toml"
    path.write_text(text)
    return load(environ=environ, file=path).alert_routes


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (ROUTE + 'severity = ["critical"]', "setting_unknown", "severities"),
        (ROUTE + 'kinds = ["second_chrage"]', "setting_unknown", "second_charge"),
        (ROUTE + 'severities = ["fatal"]', "setting_unknown", "critical"),
        (ROUTE + "kinds = []", "setting_invalid", "nothing pass"),
        (ROUTE + 'merchants = ["x"]', "setting_unknown", "default"),
        (ROUTE + 'group_seconds = "5m"', "setting_invalid", "group_seconds"),
        (ROUTE + ROUTE, "setting_invalid", "'a'"),
        (NAMED, "setting_invalid", "where it leads"),
        ('[[alerts.routes]]\nto = "slack://x/y/z"', "setting_invalid", "name"),
        (NAMED + 'to_env = "NOT_SET"', "secret_missing", "NOT_SET"),
        (NAMED + 'to = "https://ops.example/hooks"', "secret_missing", "secret_env"),
        (NAMED + 'to = "mailto:ops@example.org"', "setting_invalid", "PAYONCE_SMTP_URL"),
        (NAMED + 'to = "mailto:nobody"', "setting_invalid", "mailto:"),
        (NAMED + 'to = "ops@example.org"', "setting_invalid", "mailto:"),
        ('[alerts]\nroute = "x"', "setting_unknown", "routes"),
        ("alerts = 1", "setting_invalid", "[[alerts.routes]]"),
    ],
)  # fmt: skip
def test_a_route_that_cannot_work_is_refused_with_what_to_do(tmp_path: Path, text: str, code: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        read(tmp_path, text)
    assert refused.value.code == code
    assert says in f"{refused.value.message} {refused.value.hint}"


def test_an_address_comes_from_a_variable_of_any_name_and_is_never_said(tmp_path: Path) -> None:
    text = '[[alerts.routes]]\nname = "chat"\nto_env = "PAYONCE_CHAT"\ngroup_seconds = 300'
    [route] = read(tmp_path, text, PAYONCE_CHAT=SLACK)
    assert (route.means, route.to, route.route.group.total_seconds()) == ("apprise", SLACK, 300)
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in f"{route!r} {route.shown}"


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        ("https://hooks.slack.com/services/T1/B2/secret", "https://hooks.slack.com/…"), (SLACK, "slack://…"),
        ("tgram://12345:secret/678", "tgram://…"), ("mailtos://user:secret@mail.example", "mailtos://…"),
    ],
)  # fmt: skip
def test_an_address_is_shown_as_far_as_it_opens_nothing(tmp_path: Path, to: str, shown: str) -> None:
    [route] = read(tmp_path, f'[[alerts.routes]]\nname = "a"\nto = "{to}"')
    assert route.shown == shown


def test_mails_go_to_several(tmp_path: Path) -> None:
    text = '[[alerts.routes]]\nname = "m"\nto = "mailto:ops@example.org,boss@example.org"'
    mail = {"PAYONCE_SMTP_URL": "smtp://mail.example", "PAYONCE_MAIL_FROM": "pay@example.org"}
    [route] = read(tmp_path, text, **mail)
    assert [to.addr_spec for to in route.recipients] == ["ops@example.org", "boss@example.org"]
    assert not route.route.resends


@pytest.mark.parametrize("variables", [{"PAYONCE_HEARTBEAT_URL": "ping.example/x"}, {"PAYONCE_HEARTBEAT_EVERY": "5s"}])
def test_a_heartbeat_that_cannot_work_is_refused(variables: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        load(environ=variables)
    assert refused.value.code == "setting_invalid"
