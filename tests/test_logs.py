"""Logs carry ids and never a secret, whoever wrote the line."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog

from payonce import logs


@pytest.fixture
def lines() -> Any:
    """Read what was logged, as JSON."""
    stream = io.StringIO()
    logs.configure(form="json", stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_that_cannot_be_written_is_lost_without_showing_what_it_carried(capfd: Any) -> None:
    stream = io.StringIO()
    logs.configure(form="json", stream=stream)
    stream.close()
    try:
        raise ValueError("sk_live_51abcDEF0123456789")
    except ValueError:
        logging.getLogger("library").exception("the key is %s", "sk_live_51abcDEF0123456789")
    assert capfd.readouterr().err == "a line of library was lost: ValueError\n"


def test_ids_that_are_bound_stand_on_every_line(lines: Any) -> None:
    with logs.bound(order_id="ord_1", event_id=None):
        structlog.get_logger("a").info("settled", amount_minor=5)
        logging.getLogger("b").warning("from a library")
    structlog.get_logger("a").info("after")
    first, second, third = lines()
    assert (first["order_id"], first["amount_minor"], first["level"]) == ("ord_1", 5, "info")
    assert second["order_id"] == "ord_1" and "event_id" not in second
    assert "order_id" not in third


@pytest.mark.parametrize(
    "secret",
    [
        "sk_live_51abcDEF0123456789", "rk_test_51abcDEF0123456789", "whsec_dGhlIHNlY3JldCBvZiB0aGU=",
        "pok_abcdefghijklmnop", "pi_3abc_secret_DEFghi", "Bearer abc.def-ghi_12345", "postgresql://payonce:hunter2@db/x",
        "4242 4242 4242 4242", "4000-0025-0000-3155", "378282246310005",
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_or_a_card_is_taken_out_wherever_it_stands(lines: Any, secret: str) -> None:
    structlog.get_logger().info("said", note=f"it was {secret}!", deep={"a": [f"<{secret}>"]})
    logging.getLogger("library").error("in a message: %s", secret)
    try:
        raise ValueError(f"in an error: {secret}")
    except ValueError:
        structlog.get_logger().exception("failed")
    kept = {"Bearer abc.def-ghi_12345": "abc.def", "postgresql://payonce:hunter2@db/x": "hunter2"}.get(secret, secret)
    assert kept not in json.dumps(lines())
    assert len(lines()) == 3


@pytest.mark.parametrize(
    "name", ["client_secret", "api_key", "token", "password", "Authorization".lower(), "webhook_secret"]
)
def test_what_stands_under_the_name_of_a_secret_is_taken_out_whatever_it_is(lines: Any, name: str) -> None:
    structlog.get_logger().info("said", **{name: "harmless", "count": 3})
    assert lines()[0][name] == "…" and lines()[0]["count"] == 3


@pytest.mark.parametrize("number", ["1234567890123", "2026-11-20 12:00:00", "ord_01m7xkzwgke0083wy721bcj928", "45.00"])
def test_what_is_no_card_stays_as_it_is(lines: Any, number: str) -> None:
    structlog.get_logger().info("said", note=number)
    assert lines()[0]["note"] == number


def test_on_a_terminal_lines_are_for_people_and_hold_no_local_variables() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    root = logging.getLogger()
    before, stream = root.handlers[:], Terminal()
    try:
        logs.configure(stream=stream)
        hidden = "sk_live_51abcDEF0123456789"
        try:
            raise ValueError(len(hidden))
        except ValueError:
            structlog.get_logger().exception("failed", order_id="ord_1")
    finally:
        root.handlers[:] = before
        structlog.reset_defaults()
    assert "ord_1" in stream.getvalue() and "ValueError" in stream.getvalue()
    assert hidden not in stream.getvalue()


ROWS = (
    {"request_id": "req_1", "type": "payment_intent.succeeded", "event_id": "evt_01m7xkzwgke0083wy721bcj928"},
    {"request_id": "req_2", "note": 'a "quoted" \n word', "number": 5},
    {"note": "it was sk_live_51abcDEF0123456789!", "card": "4242 4242 4242 4242", "token": "harmless"},
    {"note": "Bearer\nabc.def-ghi_12345"},
)


def without_time(line: dict[str, Any]) -> dict[str, Any]:
    assert len(line.pop("at")) == len("2026-11-30T20:00:00.123456Z")
    return line


def test_lines_that_are_written_together_say_what_each_would_by_itself(lines: Any) -> None:
    with logs.bound(job="receive"):
        for row in ROWS:
            structlog.get_logger("payonce.test").info("webhook", **row)
        logs.write_many("payonce.test", "webhook", ROWS)
    said = [without_time(line) for line in lines()]
    assert said[: len(ROWS)] == said[len(ROWS) :] and len(said) == 2 * len(ROWS)
    assert "4242" not in json.dumps(said) and "51abc" not in json.dumps(said) and "abc.def" not in json.dumps(said)


def test_whoever_else_listens_hears_lines_that_are_written_together(lines: Any) -> None:
    heard: list[logging.LogRecord] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record)

    listening = Listening()
    logging.getLogger("payonce.test").addHandler(listening)
    try:
        logs.write_many("payonce.test", "webhook", ROWS)
    finally:
        logging.getLogger("payonce.test").removeHandler(listening)
    assert len(heard) == len(lines()) == len(ROWS)
    with structlog.testing.capture_logs() as captured:
        logs.write_many("payonce.test", "webhook", ROWS)
    assert len(captured) == len(ROWS) and len(lines()) == len(ROWS)


def test_lines_below_the_level_are_not_written_together_either() -> None:
    stream = io.StringIO()
    logs.configure(level="warning", form="json", stream=stream)
    logs.write_many("payonce.test", "webhook", ROWS)
    assert stream.getvalue() == ""


def test_lines_that_cannot_be_written_together_are_lost_without_showing_what_they_carried(capfd: Any) -> None:
    stream = io.StringIO()
    logs.configure(form="json", stream=stream)
    stream.close()
    logs.write_many("payonce.test", "webhook", ROWS)
    assert capfd.readouterr().err == "a line of payonce.test was lost: ValueError\n"
