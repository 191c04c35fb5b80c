"""`payonce reconcile extract` and `compare`, from a test's own database to files and what is said of them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from payonce.base import ids
from tests.cli.conftest import Payonce
from tests.promises.reconciling import paid, run
from tests.support.house import House

HEADING = "record,nature,object_kind,object,amount,fee,currency,time,attempt\n"


def extracted(payonce: Payonce) -> None:
    """Both sides of the house, as files."""
    answer = payonce("reconcile", "extract", "ours.parquet", "--provider", "stripe", "--theirs", "theirs.parquet")
    assert answer.code == 0, answer.err


def test_a_day_that_agrees_ends_with_0_and_nothing_is_left_beside_the_files(
    payonce: Payonce, house: House, tmp_path: Path
) -> None:
    """B7: from the database to files, and compared without it."""
    paid(house)
    house.clock.move(24 * 3600)
    run(house)
    extracted(payonce)
    answer = payonce("reconcile", "compare", "ours.parquet", "theirs.parquet", "--memory", "512MB")
    assert answer.code == 0, answer.err
    assert "1 of 1 records match" in answer.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ours.parquet", "theirs.parquet"]


def test_a_providers_own_csv_is_compared_and_each_difference_named(
    payonce: Payonce, house: House, tmp_path: Path
) -> None:
    """B7: amounts are decimals in the currency's unit, and names of attempts as people see them."""
    order, intent = paid(house)
    [(attempt,)] = house.rows("SELECT attempt_id FROM attempts")
    extracted(payonce)
    day = house.clock.now().date().isoformat()
    rows = [
        f"txn_1,charge,payment_intent,{intent},46.00,1.61,USD,{day}T10:00:00+00:00,",
        f"txn_2,charge,payment_intent,pi_second,5.00,0,USD,{day}T10:00:00+00:00,{ids.show(ids.ATTEMPT, attempt)}",
        f"txn_3,charge,payment_intent,=cmd,5.00,0,USD,{day}T10:00:00+00:00,",
        f"txn_4,other,,,-3.00,0,USD,{day}T10:00:00+00:00,",
    ]
    (tmp_path / "theirs.csv").write_text(HEADING + "\n".join(rows) + "\n", "utf-8")
    words = ("reconcile", "compare", "ours.parquet", "theirs.csv", "--read-until", "2036-01-01T00:00+00:00")
    answer = payonce(*words, "--json")
    assert answer.code == 3, answer.err
    told = answer.json
    assert (told["records"], told["matched"], told["not_ours"], told["differences"]) == (3, 0, 1, 2)
    named = {line["class"]: (line["object_ref"], line["theirs_minor"], line["order_id"]) for line in told["lines"]}
    shown = ids.show(ids.ORDER, order.id)
    assert named == {"differs": (intent, 4600, shown), "duplicate": ("pi_second", 500, shown)}
    assert payonce(*words, "--csv", "--output", "lines.csv").code == 3
    [heading, *lines] = csv.reader(io.StringIO((tmp_path / "lines.csv").read_text("utf-8")))
    assert heading[:5] == ["day", "class", "nature", "object_kind", "object_ref"] and len(lines) == 2
    assert "1 duplicate: 5.00 USD at risk" in payonce(*words).out


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("theirs.csv", "record,nature\n1,charge\n", "money_file_invalid"),
        ("theirs.csv", HEADING + "1,charge,k,o,1.001,0,USD,2026-11-19T10:00:00Z,\n", "money_file_invalid"),
        ("theirs.csv", HEADING + "1,gift,k,o,1,0,USD,2026-11-19T10:00:00Z,\n", "money_file_invalid"),
        ("theirs.csv", HEADING + "1,charge,k,o,1,0,XXX,2026-11-19T10:00:00Z,\n", "money_file_invalid"),
        ("theirs.csv", HEADING + "1,charge,k,,1,0,USD,2026-11-19T10:00:00Z,\n", "money_file_invalid"),
        ("theirs.csv", HEADING + "1,charge,k,o,one,0,USD,2026-11-19T10:00:00Z,\n", "batch_file_invalid"),
        ("theirs.csv", HEADING + "1,charge,k,o,1,0,USD,yesterday,\n", "batch_file_invalid"),
        ("theirs.csv", HEADING + "1,charge,k,o,1,0,USD,2026-11-19T10:00:00Z,att_none\n", "money_file_invalid"),
        ("theirs.csv", HEADING, "money_file_invalid"),
        ("theirs.parquet", "this is no such file", "batch_file_invalid"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(
    payonce: Payonce, house: House, tmp_path: Path, name: str, text: str, code: str
) -> None:
    """B7: half a day would look like missing money."""
    paid(house)
    extracted(payonce)
    (tmp_path / name).write_text(text, "utf-8")
    answer = payonce("reconcile", "compare", "ours.parquet", name, "--json")
    assert (answer.code, answer.error["code"]) == (2, code), answer.err
    assert answer.error["hint"] and answer.out == ""


def test_what_is_no_extract_and_what_is_no_amount_of_memory_is_said(payonce: Payonce, house: House) -> None:
    """B7: a comparison that cannot answer says so."""
    paid(house)
    extracted(payonce)
    answer = payonce("reconcile", "compare", "theirs.parquet", "ours.parquet", "--json")
    assert (answer.code, answer.error["code"]) == (2, "batch_file_invalid")
    for memory in ("much", "12MB", "512"):
        answer = payonce("reconcile", "compare", "ours.parquet", "theirs.parquet", "--memory", memory, "--json")
        assert (answer.code, answer.error["code"]) == (2, "setting_invalid")
    for command in ("extract", "compare"):
        assert "--memory" in payonce("reconcile", command, "--help").out
