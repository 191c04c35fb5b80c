"""`payonce reconcile` over a test's own database, with the house's Stripe behind the command's transport."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from payonce.base import ids
from payonce.drivers.http import SyncTransport
from payonce.providers.transport import Answer, Request
from payonce.usecases.reconcile_reading import read_page
from tests.cli.conftest import Payonce
from tests.promises.reconciling import FIRST, lines, paid, run, transaction_of, windows, write_twice
from tests.support.house import House

DAY = 24 * 3600


@pytest.fixture
def wired(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house whose provider answers the command as well; its day was long ago by the command's clock."""
    house.clock.move(-30 * DAY)

    async def send(self: SyncTransport, request: Request) -> Answer:
        return await house.till._transport.send(request)

    monkeypatch.setattr(SyncTransport, "send", send)
    return house


def day_of(house: House) -> str:
    """The house's day."""
    return house.clock.now().date().isoformat()


def test_a_day_that_agrees_ends_with_0_and_says_its_sums(payonce: Payonce, wired: House) -> None:
    """B7: what finance sees of a usual day."""
    paid(wired)
    answer = payonce("reconcile", "run", "--day", day_of(wired))
    assert answer.code == 0, answer.err
    assert "stripe/main" in answer.out and "43.39 USD" in answer.out
    shown = payonce("reconcile", "show", day_of(wired))
    assert shown.code == 0
    assert "1 of 1 records match" in shown.out
    assert "gross 45.00 USD, fees -1.61 USD: net 43.39 USD" in shown.out
    [day] = payonce("reconcile", "show", day_of(wired), "--json").json["days"]
    assert (day["state"], day["matched"], day["sums"][0]["net_minor"]) == ("closed", 1, 4339)


def test_differences_end_with_3_and_name_the_object_and_the_order(payonce: Payonce, wired: House) -> None:
    """B7: a difference is never a silent success."""
    order, intent = paid(wired)
    write_twice(wired, intent)
    answer = payonce("reconcile", "run", "--day", day_of(wired), "--json")
    assert (answer.code, answer.json["days"][0]["differences"]) == (3, 1)
    shown = payonce("reconcile", "show", day_of(wired))
    assert shown.code == 3
    assert all(
        word in shown.out
        for word in ("duplicate", intent, ids.show(ids.ORDER, order.id), "90.00 USD", "45.00 USD", "1 differs")
    )


def test_a_silent_provider_ends_with_1_and_is_named(payonce: Payonce, house: House) -> None:
    """B7: a day that could not be read is not a day that agrees."""
    house.clock.move(-30 * DAY)
    paid(house)
    answer = payonce("reconcile", "run", "--day", day_of(house))
    assert answer.code == 1
    assert "stripe/main could not be read" in answer.out
    assert windows(house)[0][1] == "reading"


def test_ctrl_c_stops_between_two_batches_and_says_how_to_go_on(
    payonce: Payonce, wired: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B7: stopped by a person, resumed by the command that it names."""
    paid(wired)

    async def interrupted(*words: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return await read_page(*words)  # type: ignore[arg-type]

    monkeypatch.setattr("payonce.usecases.reconcile.read_page", interrupted)
    answer = payonce("reconcile", "run", "--day", day_of(wired))
    assert (answer.code, windows(wired)[0][1]) == (130, "comparing_theirs")
    assert f"resume with: payonce reconcile run --day {day_of(wired)}" in answer.err
    assert payonce("reconcile", "run", "--day", day_of(wired)).code == 0
    assert windows(wired)[0][1:] == ("closed", 1)


def test_an_export_holds_everything_and_no_formula(payonce: Payonce, house: House, tmp_path: Path) -> None:
    """B7: a name at a provider is somebody else's text, and a spreadsheet must not run it."""
    _, intent = paid(house)
    row = transaction_of(house, intent)
    del house.stripe.books.transactions[row.id]
    house.clock.move(DAY)
    run(house)
    with_formula = '=HYPERLINK("http://evil.example")'
    with_change(house, with_formula)
    day = FIRST.isoformat()
    told = payonce("reconcile", "export", "--day", day)
    assert told.code == 3
    assert [line["object_ref"] for line in told.json["lines"]] == [with_formula]
    file = tmp_path / "lines.csv"
    assert payonce("reconcile", "export", "--day", day, "--format", "csv", "--output", str(file)).code == 3
    [line] = csv.DictReader(io.StringIO(file.read_text("utf-8")))
    assert (line["class"], line["object_ref"], line["theirs"], line["ours"]) == (
        "only_here", f"'{with_formula}", "", "45.00"
    )  # fmt: skip
    days = payonce("reconcile", "export", "--day", day, "--format", "csv", "--what", "days")
    [row_of_day] = csv.DictReader(io.StringIO(days.out))
    assert (row_of_day["differences"], row_of_day["ours_gross"], row_of_day["net"]) == ("1", "45.00", "0.00")


def with_change(house: House, ref: str) -> None:
    """Name the object of the only line otherwise."""
    import psycopg

    with psycopg.connect(house._database_url, autocommit=True) as connection:
        connection.execute("UPDATE reconcile_lines SET object_ref = %s", (ref,))


def test_a_file_is_imported_whole_or_refused_with_its_row(
    payonce: Payonce, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B7: usage errors end with 2, and nothing is kept."""
    settings = {"APP_ID": "2553", "KEY1": "key1_of_the_command_line", "KEY2": "key2_of_the_command_line"}
    for name, value in settings.items():
        monkeypatch.setenv(f"PAYONCE_ZALOPAY_{name}", value)
    day = (house.clock.now() - timedelta(days=30)).date().isoformat()
    file = tmp_path / "day.csv"
    heading = "type,zp_trans_id,app_trans_id,m_refund_id,amount,fee,time\n"
    file.write_text(heading + f"payment,1,x,,abc,0,{day} 10:00:00\n", "utf-8")
    words = ("reconcile", "import", str(file), "--provider", "zalopay", "--day", day)
    refused = payonce(*words, "--json")
    assert (refused.code, refused.error["code"]) == (2, "money_file_invalid")
    file.write_text("\ufeff" + heading + f"payment,1,x,,120.000,0,{day} 10:00:00\n", "utf-8")
    answer = payonce(*words)
    assert answer.code == 0, answer.err
    assert "1 records" in answer.out and "120000 VND" in answer.out
    assert lines(house) == []
    assert json.loads(payonce(*words, "--json").out)["new"] == 0


def test_days_are_named_in_one_way(payonce: Payonce, house: House) -> None:
    assert payonce("reconcile", "run", "--day", "2026-10-01", "--from", "2026-10-01").code == 2
    assert payonce("reconcile", "run", "--to", "2026-10-01").code == 2
    assert payonce("reconcile", "run", "--from", "2026-10-02", "--to", "2026-10-01").code == 2
    assert payonce("reconcile", "show", "2026-10-01").code == 1
    assert payonce("reconcile", "export", "--format", "xls").code == 2
