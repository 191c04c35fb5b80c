"""What an operator looks at and does by hand: one use case a command, JSON on request, the agreed exit codes."""

from __future__ import annotations

import inspect
import os
import pty
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer

from payonce import __version__
from payonce.base import ids
from payonce.cli.config_commands import mask
from payonce.cli.main import app
from payonce.jobs.timetable import NAMES as JOBS
from payonce.usecases.answers import OrderView
from tests.cli.conftest import HOUSE, Payonce
from tests.support.house import House


def commands(group: typer.Typer = app, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every command by its words, with its function."""
    found: dict[tuple[str, ...], Any] = {}
    for command in group.registered_commands:
        assert command.callback is not None
        found[(*path, command.name or command.callback.__name__)] = command.callback
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        found |= commands(inner.typer_instance, (*path, str(inner.name)))
    return found


def paid(house: House) -> OrderView:
    """An order that was paid, with its effects owed."""
    order = house.place()
    house.pay(house.checkout(order))
    house.deliver_owed()
    return house.see(order)


def test_the_agreed_commands_exist() -> None:
    wanted = (
        "serve worker db.migrate db.status db.sql orders.show orders.list orders.explain events.list events.show "
        "events.replay effects.list effects.retry effects.skip findings.list findings.show keys.create doctor prove "
        "stock.list stock.set stock.restock config.show"
    )
    assert {tuple(word.split(".")) for word in wanted.split()} <= commands().keys()


@pytest.mark.parametrize("words", commands())
def test_every_command_has_help_and_answers_with_json(words: tuple[str, ...], payonce: Payonce) -> None:
    answer = payonce(*words, "--help")
    assert (answer.code, "Usage" in answer.out) == (0, True)
    function = commands()[words]
    assert inspect.getdoc(function)
    assert words == ("config", "sample") or "--json" in answer.out


def test_an_order_is_shown_by_whatever_somebody_has_of_it(payonce: Payonce, house: House) -> None:
    order = paid(house)
    [[attempt_id, handle]] = house.rows("SELECT attempt_id, handle_ref FROM attempts")
    [[intent]] = house.rows("SELECT ref FROM captures")
    [[event_id]] = house.rows("SELECT event_id FROM events WHERE order_id IS NOT NULL LIMIT 1")
    order_id = ids.show(ids.ORDER, order.id)
    named = [
        order_id,
        order.reference,
        ids.show(ids.ATTEMPT, attempt_id),
        ids.show(ids.EVENT, event_id),
        handle,
        intent,
    ]
    assert {payonce("orders", "show", name, "--json").json["id"] for name in named} == {order_id}


def test_an_order_as_json_has_the_names_that_others_build_on(payonce: Payonce, house: House) -> None:
    order = paid(house)
    shown = payonce("orders", "show", order.reference, "--json").json
    assert (shown["state"], shown["counters"]) == ("paid", {"charged": 1, "recorded": 1, "fulfilled": 0})
    assert shown["pay_url"].startswith("http") and shown["status_url"].startswith("http")
    assert [attempt["state"] for attempt in shown["attempts"]] == ["paid"]


def test_in_a_pipe_a_list_is_plain_lines_with_tabs(payonce: Payonce, house: House) -> None:
    order = paid(house)
    [line] = payonce("orders", "list").out.splitlines()
    assert line.split("\t")[:4] == [ids.show(ids.ORDER, order.id), order.reference, "paid", "paid"]
    assert payonce("orders", "list", "--state", "open").out == ""
    assert payonce("orders", "list", "--json").json[0]["reference"] == order.reference


def test_an_orders_story_is_told_in_order_and_in_words(payonce: Payonce, house: House) -> None:
    order = paid(house)
    story = payonce("orders", "explain", order.reference, "--json").json
    assert story["sentence"].startswith("Paid at ")
    assert {line["lane"] for line in story["lines"]} == {"order", "attempt", "money", "event"}
    assert [line["at"] for line in story["lines"]] == sorted(line["at"] for line in story["lines"])
    assert "invite" in story["next"]
    told = payonce("orders", "explain", order.reference)
    assert "open → paid" in told.out and told.code == 0


LOOKS = (
    "orders list", "orders show fee:27:2026-05/4500", "orders explain fee:27:2026-05/4500", "events list",
    "events list --unhandled", "effects list", "findings list", "prove", "db status", "keys list", "doctor",
)  # fmt: skip


@pytest.mark.parametrize("words", LOOKS)
def test_looking_changes_nothing(words: str, payonce: Payonce, house: House) -> None:
    """E2: reading changes nothing. A transaction that writes takes a number, and none was taken."""
    paid(house)
    next_number = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
    before = house.rows(next_number)
    payonce(*words.split())
    assert house.rows(next_number) == before


def test_events_are_listed_shown_and_replayed(payonce: Payonce, house: House) -> None:
    """C16: events are kept, listed, and can be replayed."""
    paid(house)
    events = payonce("events", "list", "--json").json
    [told] = [event for event in events if event["type"] == "payment_intent.succeeded"]
    shown = payonce("events", "show", told["id"], "--json").json
    assert '"payment_intent.succeeded"' in shown["body"]
    replayed = payonce("events", "replay", told["id"], "--json")
    assert (replayed.code, replayed.json["state"]) == (0, "ignored")
    assert payonce("events", "show", told["id"]).code == 0


def test_unhandled_types_are_counted(payonce: Payonce, house: House) -> None:
    """B11: a type that is not handled is stored, counted and listed."""
    paid(house)
    house.rows("UPDATE events SET type = 'payout.paid', state = 'ignored', reason = 'unhandled_type' RETURNING 1")
    [counted] = payonce("events", "list", "--unhandled", "--json").json
    assert counted["type"] == "payout.paid" and counted["events"] >= 1


def test_an_effect_is_asked_for_again_or_set_aside_with_a_reason(payonce: Payonce, house: House) -> None:
    paid(house)
    house.rows("UPDATE effects SET state = 'unknown', due_at = NULL RETURNING 1")
    listed = payonce("effects", "list", "--state", "unknown", "--json").json
    [invite] = [each["id"] for each in listed if each["kind"] == "invite"]
    [notice] = [each["id"] for each in listed if each["kind"] == "notice"]
    assert payonce("effects", "retry", invite, "--reason", "the receiver says no", "--json").json["state"] == "pending"
    assert payonce("effects", "skip", notice, "--reason", "told by phone", "--done", "--json").json["state"] == "done"
    assert payonce("effects", "retry", invite, "--reason", " ", "--json").code == 2
    again = payonce("effects", "retry", invite, "--reason", "again", "--json")
    assert (again.code, again.error["code"]) == (1, "effect_not_retryable")
    acts = house.rows("SELECT actor, cause FROM audit WHERE event = 'retry'")
    assert [(actor.endswith("(command line)"), cause) for actor, cause in acts] == [(True, "the receiver says no")]


def test_findings_end_with_three_while_one_is_open(payonce: Payonce, house: House) -> None:
    order = paid(house)
    assert payonce("findings", "list").code == 0
    [[intent]] = house.rows("SELECT ref FROM captures")
    house.stripe.bank.open_dispute(intent)
    house.deliver_owed()
    listed = payonce("findings", "list", "--order", order.reference, "--json")
    assert (listed.code, [each["kind"] for each in listed.json]) == (3, ["dispute_opened"])
    shown = payonce("findings", "show", listed.json[0]["id"], "--json").json
    assert shown["next_step"] and shown["means"]
    assert "finance should" in payonce("findings", "show", listed.json[0]["id"]).out


def test_proving_ends_with_three_and_the_counterexample(payonce: Payonce, house: House) -> None:
    order = paid(house)
    proven = payonce("prove", "--json")
    assert (proven.code, proven.json["holds"]) == (0, True)
    house.rows("DELETE FROM settlements RETURNING 1")
    broken = payonce("prove", "--json")
    assert broken.code == 3
    found = {each["id"]: each["counterexamples"] for each in broken.json["invariants"] if not each["holds"]}
    assert ids.show(ids.ORDER, order.id) in {each["ref"] for each in found["S2"]}
    assert payonce("prove").code == 3
    assert payonce("prove", "--merchant", "nobody").code == 0


def test_migrations_are_shown_printed_and_applied_once(payonce: Payonce) -> None:
    steps = payonce("db", "status", "--json").json
    assert all(step["applied_at"] for step in steps)
    assert payonce("db", "migrate", "--json").json == {"applied": []}
    assert "CREATE TABLE orders" in payonce("db", "sql").out


def test_a_key_is_shown_once_and_only_its_hash_is_kept(payonce: Payonce, database_url: str) -> None:
    made = payonce("keys", "create", "the shop", "--scope", "orders:read", "--json").json
    assert made["key"].startswith("pok_") and made["scopes"] == ["orders:read"]
    listed = payonce("keys", "list", "--json")
    assert [key["name"] for key in listed.json] == ["the shop"] and made["key"] not in listed.out
    with psycopg.connect(database_url) as connection:
        assert made["key"] not in str(connection.execute("SELECT key_hash, name FROM api_keys").fetchall())
    assert payonce("keys", "revoke", "the shop", "--json").json == {"revoked": 1}
    assert payonce("keys", "create", "x", "--scope", "everything").code == 1


def test_settings_are_shown_with_their_origin_and_without_secrets(
    payonce: Payonce, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "payonce.toml").write_text('log_level = "error"\n')
    monkeypatch.setenv("DATABASE_URL", "postgresql://payonce:hunter2@db.example/payonce")
    answer = payonce("config", "show", "--json")
    shown = answer.json
    assert shown["log_level"] == {"value": "error", "origin": "payonce.toml"}
    assert shown["stale_after"] == {"value": "30m", "origin": "default"}
    assert shown["stripe_api_key"]["origin"] == "environment"
    assert shown["database_url"]["value"] == "postgresql://payonce:…@db.example/payonce"
    for secret in ("hunter2", HOUSE["PAYONCE_STRIPE_API_KEY"], HOUSE["PAYONCE_STRIPE_WEBHOOK_SECRET"]):
        assert secret not in answer.out + payonce("config", "show").out


@pytest.mark.parametrize("secret", ["short_secret", "sk_live_1234567890123456789012", "whsec_abcdefghijklmnop"])
def test_of_a_secret_at_most_its_kind_and_four_letters_are_shown(secret: str) -> None:
    shown = mask(secret)
    assert secret not in shown
    assert len(shown.rpartition("…")[2]) <= 4


def test_the_doctor_prints_the_four_decisions_and_looks_at_everything(payonce: Payonce) -> None:
    """B5: the four decisions, each with value, reason, who and when, are printed."""
    answer = payonce("doctor", "--json")
    decisions = answer.json["decisions"]
    assert [each["name"] for each in decisions] == ["idempotency_key", "database_failure", "events", "atomicity"]
    assert all(each["value"] and each["reason"] and each["who"] and each["when"] for each in decisions)
    health = {check["name"]: check["health"] for check in answer.json["checks"]}
    assert {"settings", "strategy", "version", "clock", "full_page_writes", "migrations"} <= health.keys()
    # Nobody answers at the provider's address, and that is said and ends with 1.
    assert (answer.code, health["stripe:main"]) == (1, "wrong")
    told = payonce("doctor").out
    assert all(each["reason"][:30] in told and each["who"] in told for each in decisions)


def test_the_doctor_warns_of_what_can_be_better(payonce: Payonce, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYONCE_STRATEGY", "window")
    monkeypatch.setenv("PAYONCE_WEBHOOK_URL", "http://shop.example/hook")
    monkeypatch.setenv("PAYONCE_WEBHOOK_SECRET", "whsec_dGhlIHNlY3JldCBvZiB0aGUgcmVjZWl2ZXI=")
    monkeypatch.setenv("PAYONCE_JOB_CLOSE", "off")
    health = {check["name"]: check for check in payonce("doctor", "--json").json["checks"]}
    assert health["strategy"]["health"] == "warning"
    assert "without encryption" in health["webhook_url"]["says"]
    assert "close" in health["jobs"]["says"]


def test_a_doctor_who_cannot_begin_says_why(payonce: Payonce, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none?connect_timeout=2")
    answer = payonce("doctor", "--json")
    assert answer.code == 1
    assert [check["health"] for check in answer.json["checks"] if check["name"] == "database"] == ["wrong"]


def test_errors_have_one_shape_and_never_a_traceback(payonce: Payonce) -> None:
    answer = payonce("orders", "show", "nothing", "--json")
    assert (answer.code, answer.out) == (1, "")
    assert answer.error["code"] == "order_unknown" and answer.error["hint"]
    told = payonce("orders", "show", "nothing")
    assert "order_unknown" in told.err and "Traceback" not in told.err
    assert payonce("events", "show", "evt_nonsense").code == 2
    assert payonce("events", "list", "--state", "lost").code == 2


def test_wrong_usage_ends_with_two(payonce: Payonce, monkeypatch: pytest.MonkeyPatch) -> None:
    assert payonce("orders").code == 2
    assert payonce("nonsense").code == 2
    assert payonce("orders", "list", "--limit", "0").code == 2
    assert payonce("effects", "retry", "eff_x").code == 2
    monkeypatch.setenv("PAYONCE_PROT", "1")
    assert payonce("orders", "list").code == 2


def test_a_switch_of_a_job_that_does_not_exist_keeps_the_service_from_starting(
    payonce: Payonce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYONCE_JOB_DELIVERY", "off")
    answer = payonce("serve", "--json")
    assert (answer.code, answer.error["code"]) == (2, "job_unknown")
    assert all(name in answer.error["message"] for name in JOBS)


def test_looking_makes_no_database_where_there_is_none(
    payonce: Payonce, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    answer = payonce("orders", "list", "--json")
    assert (answer.code, answer.error["code"]) == (1, "no_data")
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_said(payonce: Payonce) -> None:
    assert payonce("--version").out == f"payonce {__version__}\n"


def test_the_sample_of_the_settings_can_be_begun_with(payonce: Payonce, tmp_path: Path) -> None:
    (tmp_path / "payonce.toml").write_text(payonce("config", "sample").out)
    assert payonce("config", "show").code == 0


def test_on_a_terminal_a_list_is_a_table_whose_ids_can_be_copied(
    payonce: Payonce, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = paid(house)
    told: list[bytes] = []

    def read(terminal: int) -> bytes:
        told.append(os.read(terminal, 4096))
        return told[-1]

    # A pseudo-terminal of 80 columns, as narrow as they come.
    monkeypatch.setenv("COLUMNS", "80")
    pty.spawn([sys.executable, "-m", "payonce.cli.main", "orders", "list"], read)
    text = b"".join(told).decode()
    assert ids.show(ids.ORDER, order.id) in text and order.reference in text
    assert "fulfilled" in text
