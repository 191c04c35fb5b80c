"""`payonce top`: one frame says what comes in, what waits, what is wrong and what stands still, and changes nothing."""

from __future__ import annotations

import io

import psycopg
import pytest
from rich.console import Console

from payonce.cli import top_command
from payonce.cli.top_command import spark
from payonce.usecases.glance import BUCKETS, glance
from payonce.usecases.register_jobs import JobFacts, register_jobs
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.cli.conftest import Payonce
from tests.support.alarms import Alarms
from tests.support.house import House


def paid(house: House, purpose: str = "fee:1") -> None:
    """An order that was paid and told by a webhook."""
    house.pay(house.checkout(house.place(purpose)))
    house.deliver_owed()


def test_a_glance_counts_what_came_when_and_what_waits(house: House) -> None:
    paid(house)
    house.clock.move(5 * 60)
    paid(house, "fee:2")
    house.clock.move(90)
    seen = house.run(glance(house.world, DEFAULT_MERCHANT))
    assert len(seen.inflow) == BUCKETS and sum(seen.inflow) == 2 * seen.inflow[-2] > 0
    assert [index for index, count in enumerate(seen.inflow) if count] == [BUCKETS - 7, BUCKETS - 2]
    [stripe] = seen.arrivals
    assert stripe.last_at is not None and (seen.at - stripe.last_at).total_seconds() == 90
    assert (seen.waiting_effects, seen.oldest_effect_at is not None) == (4, True)
    assert (seen.waiting_events, seen.oldest_event_at) == (0, None)


def test_what_is_old_falls_out_of_the_window_and_a_provider_that_never_called_is_shown(house: House) -> None:
    house.clock.move(1)
    [never] = house.run(glance(house.world, DEFAULT_MERCHANT)).arrivals
    assert (never.provider, never.last_at) == ("stripe", None)
    paid(house)
    house.clock.move(3600)
    assert sum(house.run(glance(house.world, DEFAULT_MERCHANT)).inflow) == 0


def test_a_frame_says_what_is_wrong_with_its_money(payonce: Payonce, house: House) -> None:
    alarms = Alarms(house)
    alarms.find("second_charge", about="a", money=4500)
    alarms.find("late_payment", about="b", money=1_250_000, currency="VND")
    paid(house)
    shown = payonce("top").out
    assert "2 findings open, 45.00 USD + 1250000 VND at risk" in shown
    assert "second_charge" in shown and "effects waiting" in shown and "stripe" in shown
    data = payonce("top", "--json").json
    assert data["at_risk_minor"] == {"USD": 4500, "VND": 1_250_000}
    assert (data["merchant"], data["effects_waiting"], len(data["inflow_by_minute"])) == ("default", 2, BUCKETS)


def test_a_quiet_installation_says_that_nothing_is_wrong(payonce: Payonce) -> None:
    shown = payonce("top", "--once").out
    assert "nothing is wrong" in shown and "never called back" in shown and "all jobs run" in shown


def test_jobs_that_are_paused_or_late_are_named(payonce: Payonce, house: House) -> None:
    jobs = [JobFacts(name, "x", False, "never", 60.0) for name in ("close", "monitor")]
    house.run(register_jobs(house.world, jobs))
    house.rows(
        "INSERT INTO switches (name, is_off, reason, actor, at) VALUES ('close', true, 'oversell', 'linh', now()) "
        "RETURNING 1"
    )
    house.rows("UPDATE jobs SET last_success_at = now() - interval '2 hours' RETURNING 1")
    data = payonce("top", "--json").json
    assert (data["jobs_paused"], data["jobs_late"]) == (["close"], ["monitor"])
    shown = payonce("top").out
    assert "close is paused by linh: oversell" in shown and "monitor went well last 2 h ago" in shown


def test_the_screen_is_drawn_again_until_somebody_ends_it(
    payonce: Payonce, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=120, height=40)
    frames: list[float] = []

    def sleep(seconds: float) -> None:
        frames.append(seconds)
        paid(house, f"fee:{len(frames)}")
        if len(frames) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(top_command, "out", screen)
    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert payonce("top", "--every", "1").code == 130
    assert frames == [1.0, 1.0, 1.0]
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "effects waiting" in shown and "2, the oldest since" in shown


def test_looking_changes_nothing(payonce: Payonce, house: House, database_url: str) -> None:
    paid(house)

    def state() -> list[tuple[object, ...]]:
        with psycopg.connect(database_url) as connection:
            tables = [name for (name,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            )]  # fmt: skip
            return [
                row
                for table in tables
                for row in connection.execute(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} AS t")
            ]

    before = state()
    assert payonce("top", "--once").code == 0
    assert state() == before


@pytest.mark.parametrize(
    ("counts", "bars"), [([], ""), ([0, 0], "  "), ([1, 0, 8], "▁ █"), ([1, 2, 4, 8], "▁▂▄█"), ([5, 5], "██")]
)
def test_bars_are_as_high_as_what_they_count(counts: list[int], bars: str) -> None:
    assert spark(counts) == bars
