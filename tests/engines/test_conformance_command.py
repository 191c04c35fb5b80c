"""`payonce conformance`: whole, in its own database and in a given one, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from payonce.base.errors import Refused, Unavailable
from payonce.conformance.attacks import ATTACKS
from payonce.conformance.catalogue import PARTS, checks
from payonce.conformance.check import results
from payonce.conformance.declared import declared
from payonce.conformance.place import PREFIX, given_database, own_database
from payonce.drivers.chance import SystemChance
from payonce.simulation.server import prepare
from tests.cli.conftest import Payonce
from tests.cli.conftest import payonce as payonce
from tests.engines.planted import Plant, PlantedGround, run_beside
from tests.project.tree import ROOT
from tests.support.databases import TestServer
from tests.support.waiting import DEADLINE_SECONDS, until

# What the tests' server does not do: it is worth nothing when the machine ends.
MISSING = {"fsync", "full_page_writes"}
# Rules that carry no promise: ids that we make by ourselves and see once, words that no rule reads, and the bookkeeping
# of alerts, silences, days and jobs, which is repeated or corrected and moves no money.
NOT_ATTACKED = frozenset("""
    account_mode_known accrual_held_with_a_reason accrual_state_known alert_dropped_with_a_reason
    alert_due_while_it_waits alert_grouped_in_a_message alert_held_by_a_silence alert_message_due_while_failed
    alert_message_leased_while_claimed alert_message_state_known alert_message_tells_something alert_message_tone_known
    alert_messages_pkey alert_of_a_message alert_silenced_by_a_silence alert_state_known alert_subject_known
    alert_tone_known alerts_pkey api_keys_pkey api_request_state_known attempts_pkey audit_pkey capture_paid_in_whole
    checkout_count_once_per_minute checkout_count_positive effects_pkey entries_pkey events_pkey evidence_pkey
    finding_change_known finding_change_positive finding_resolved_at_some_time finding_state_known findings_pkey
    job_comes_again
    job_comes_again_as_asked job_held_with_a_lease job_once job_run_ended_unless_running job_run_stands_for_a_slot
    job_run_state_known job_runs_pkey money_record_about_an_object_or_other money_record_nature_known monitor_check_once
    order_amount_not_negative orders_pkey payees_pkey payer_of_an_order payers_pkey payout_gross_not_negative
    payout_number_positive payouts_pkey receipts_pkey reconcile_line_class_known reconcile_line_of_a_window
    reconcile_line_of_one_side_at_least reconcile_line_once reconcile_line_state_known reconcile_sum_adds_up
    reconcile_sum_of_a_window reconcile_sum_once reconcile_window_is_a_day reconcile_window_state_known repeats_pkey
    reservation_state_known return_amount_not_negative return_nature_known run_tallies_pkey
    silence_announced_after_its_end silence_ends_after_it_began silence_has_a_reason silence_has_an_author
    silence_once_per_account silence_payments_not_negative silences_pkey stock_held_not_negative stock_sold_not_negative
    switch_act_known switch_changed_with_a_reason switch_changes_pkey
""".split())  # fmt: skip


def ours(postgres: TestServer) -> list[str]:
    """The databases that the command made and has not dropped."""
    with psycopg.connect(postgres.server.dsn("postgres"), autocommit=True) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX]).fetchall()
    return [name for (name,) in rows]


def tables(dsn: str) -> int:
    """How many tables there are."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return int(found[0]) if found else 0


def test_every_rule_of_the_schema_is_attacked_or_known_to_carry_no_promise() -> None:
    """A12: a new rule is written down in one of the two places."""
    names = {name for _, name, _ in declared().rules} | {name for _, name, unique in declared().indexes if unique}
    attacked = {rule for rule, _ in ATTACKS.values()}
    assert attacked <= names
    assert names - attacked == NOT_ATTACKED


def test_names_of_checks_and_parts_are_known_and_single() -> None:
    wanted = checks([1, 2])
    assert len({check.name for check in wanted}) == len(wanted)
    assert {check.part for check in wanted} == PARTS.keys()
    assert all(check.otherwise for check in wanted if not check.is_required and check.name != "version")


def test_it_holds_on_the_engine_that_everything_is_tested_on(payonce: Payonce, postgres: TestServer) -> None:
    told = payonce("conformance", postgres.server.dsn("postgres"), "--seeds", "1:1", "--quick", "--json")
    assert (told.code, told.json["ok"]) == (0, True), told.err
    assert told.json["engine"].startswith("PostgreSQL ")
    states = {check["name"]: check["state"] for check in told.json["checks"]}
    assert {name for name, state in states.items() if state != "ok"} == MISSING
    assert states.keys() == {check.name for check in checks([1])}
    assert ours(postgres) == []


def test_on_an_engine_that_fails_it_says_so_and_tries_nothing_that_rests_on_it(
    payonce: Payonce, postgres: TestServer
) -> None:
    nowhere = psycopg.conninfo.make_conninfo(postgres.server.dsn("postgres"), options="-c search_path=nowhere")
    told = payonce("conformance", nowhere, "--json")
    assert (told.code, told.json["ok"]) == (1, False)
    found = {check["name"]: check for check in told.json["checks"]}
    assert (found["migrations_apply"]["state"], found["isolation"]["state"]) == ("failed", "ok")
    assert "3F000" in found["unique_keys"]["says"]
    behind = {check["state"] for check in told.json["checks"] if check["part"] not in ("engine", "schema")}
    assert behind == {"not_tried"}
    in_lines = payonce("conformance", nowhere)
    assert in_lines.code == 1
    assert [line.split("\t")[0] for line in in_lines.out.splitlines()].count("failed") > 5
    assert "required checks hold" in in_lines.err
    assert ours(postgres) == []


@pytest.fixture
def serial_url(postgres: TestServer) -> Iterator[str]:
    """An empty database whose every transaction is SERIALIZABLE."""
    name = postgres.create()
    postgres.execute("ALTER DATABASE {} SET default_transaction_isolation = 'serializable'", name)
    yield postgres.server.dsn(name)
    postgres.drop(name)


def test_a_poorer_engine_keeps_what_is_required_and_is_told_what_it_lacks(serial_url: str) -> None:
    """SERIALIZABLE, no SKIP LOCKED, no NOTIFY, no outcome by number: as engines of the family are."""
    plant = Plant([(" SKIP LOCKED", ""), ("NOTIFY payonce_conformance", "NOTIFY nobody"), ("xid8", "xid9")])
    ground = PlantedGround(serial_url, plant, every=6)
    found = {result.name: result for result in results(checks([]), ground)}
    assert [result for result in found.values() if not result.is_good] == []
    missing = {name for name, result in found.items() if result.state == "missing"}
    assert missing == MISSING | {"skip_locked", "notify", "commit_status"}
    assert found["isolation"].says == "serializable"


def test_in_place_it_works_in_an_empty_database_and_leaves_it_empty(blank_url: str) -> None:
    with given_database(blank_url) as address:
        prepare(address)
        assert tables(address) > 40
    assert tables(blank_url) == 0


def test_in_place_it_drops_what_it_made_and_nothing_that_came_meanwhile(blank_url: str) -> None:
    with given_database(blank_url) as address:
        prepare(address)
        run_beside(address, "CREATE TABLE somebody_elses (id integer)")
    assert tables(blank_url) == 1


def test_in_place_it_refuses_a_database_that_has_tables(payonce: Payonce, database_url: str) -> None:
    before = tables(database_url)
    told = payonce("conformance", database_url, "--in-place", "--json")
    assert (told.code, told.error["code"]) == (1, "conformance_not_empty")
    assert tables(database_url) == before


def test_where_no_database_can_be_made_it_asks_for_one(payonce: Payonce, postgres: TestServer, blank_url: str) -> None:
    postgres.execute("CREATE ROLE nobody_much LOGIN")
    try:
        given = psycopg.conninfo.make_conninfo(blank_url, user="nobody_much")
        told = payonce("conformance", given, "--json")
        assert (told.code, told.error["code"]) == (1, "conformance_may_not_create")
        assert "--in-place" in told.error["hint"]
    finally:
        postgres.execute("DROP ROLE nobody_much")


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("postgresql://nobody@127.0.0.1:1/nowhere",), 1, "store_unavailable"),
        (("no address at all",), 2, "dsn_invalid"),
        (("postgresql://x", "--seeds", "5:1"), 2, "setting_invalid"),
        (("postgresql://x", "--seeds", "some"), 2, "setting_invalid"),
    ],
)
def test_wrong_words_and_silence_have_their_codes(
    payonce: Payonce, words: tuple[str, ...], code: int, error: str
) -> None:
    told = payonce("conformance", *words, "--json")
    assert (told.code, told.error["code"]) == (code, error)


def test_its_database_is_dropped_when_a_check_cannot_go_on(postgres: TestServer) -> None:
    def work() -> None:
        with own_database(postgres.server.dsn("postgres"), SystemChance()) as address:
            run_beside(address, "CREATE TABLE a (id integer)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert ours(postgres) == []


def test_two_runs_do_not_meet(postgres: TestServer) -> None:
    dsn = postgres.server.dsn("postgres")
    with own_database(dsn, SystemChance()) as one, own_database(dsn, SystemChance()) as two:
        assert one != two
        assert len(ours(postgres)) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_its_database_is_dropped_when_somebody_stops_it(postgres: TestServer, number: signal.Signals) -> None:
    words = [sys.executable, "-m", "payonce.cli.main", "conformance", postgres.server.dsn("postgres")]
    here = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    run = subprocess.Popen(
        words, env=here, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        # Whatever runs in a shell's background is born deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        until(lambda: ours(postgres) or run.poll() is not None, what="the database")
        assert run.poll() is None, run.stderr and run.stderr.read()
        run.send_signal(number)
        run.communicate(timeout=DEADLINE_SECONDS)
    finally:
        run.kill()
    assert run.returncode not in (0, None)
    assert ours(postgres) == []


def test_errors_of_places_are_of_their_families(blank_url: str, database_url: str) -> None:
    """Refused: say it otherwise; Unavailable: later."""
    with pytest.raises(Refused), given_database(database_url):
        raise AssertionError("it has tables")
    with pytest.raises(Unavailable), own_database("postgresql://nobody@127.0.0.1:1/x", SystemChance()):
        raise AssertionError("nobody is there")
