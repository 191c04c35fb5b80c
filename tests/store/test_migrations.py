"""Migrations are applied once, in order, each wholly or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from payonce.base.errors import Bug, PayonceError, Refused
from payonce.drivers import schema
from payonce.drivers.clock import SystemClock
from payonce.drivers.postgres_async import AsyncDatabase
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.store import migration_files
from payonce.store.migrate import Step, migrate, require_current, script, status
from payonce.store.migration_files import Migration
from tests.support.clocks import HandClock, SeededChance

FIRST = Migration(
    1,
    "first",
    "pre",
    "-- phase: pre\n-- Makes a table; the semicolon here ends nothing.\nCREATE TABLE a (x text DEFAULT ';%');",
)
SECOND = Migration(
    2, "second", "pre", "-- phase: pre\n-- Two at once.\nINSERT INTO a VALUES ('100%');\nALTER TABLE a ADD y text;"
)
THIRD = Migration(3, "third", "post", "-- phase: post\n-- Afterwards.\nALTER TABLE a DROP COLUMN y;")
ALL = [FIRST, SECOND, THIRD]


@pytest.fixture
def blank(blank_url: str, clock: HandClock, chance: SeededChance) -> Iterator[SyncDatabase]:
    with SyncDatabase(blank_url, clock=clock, chance=chance) as port:
        yield port


def numbers(steps: list[Step]) -> list[int]:
    return [step.number for step in steps]


def test_pending_migrations_are_applied_in_order_and_only_once(blank: SyncDatabase, blank_url: str) -> None:
    assert numbers(run_to_end(migrate(blank, migrations=ALL[:1]))) == [1]
    assert numbers(run_to_end(migrate(blank, migrations=ALL))) == [2, 3]
    assert run_to_end(migrate(blank, migrations=ALL)) == []
    with psycopg.connect(blank_url) as connection:
        assert connection.execute("SELECT * FROM a").fetchall() == [("100%",)]


def test_a_database_that_payonce_never_saw_has_everything_pending_and_is_not_touched(
    blank: SyncDatabase, blank_url: str
) -> None:
    assert [step.applied_at for step in run_to_end(status(blank, migrations=ALL))] == [None, None, None]
    with psycopg.connect(blank_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_status_says_when_each_was_applied(blank: SyncDatabase, clock: HandClock) -> None:
    run_to_end(migrate(blank, migrations=ALL, to=2))
    assert [step.applied_at for step in run_to_end(status(blank, migrations=ALL))] == [clock.now(), clock.now(), None]


def test_before_a_deploy_only_those_are_applied_that_the_old_code_bears(blank: SyncDatabase) -> None:
    assert numbers(run_to_end(migrate(blank, migrations=ALL, only_pre=True))) == [1, 2]
    assert numbers(run_to_end(migrate(blank, migrations=ALL))) == [3]


def test_a_migration_that_fails_leaves_no_trace_of_itself(blank: SyncDatabase, blank_url: str) -> None:
    broken = replace(SECOND, text=SECOND.text + "\nSELECT no_such_column FROM a;")
    with pytest.raises(Bug):
        run_to_end(migrate(blank, migrations=[FIRST, broken]))
    with psycopg.connect(blank_url) as connection:
        assert connection.execute("SELECT * FROM a").fetchall() == []
        assert connection.execute("SELECT max(number) FROM migrations").fetchone() == (1,)


@pytest.mark.parametrize(
    ("brought", "code"),
    [
        ([FIRST], "schema_ahead"),
        ([FIRST, replace(SECOND, text=SECOND.text + "\n-- edited")], "schema_changed"),
    ],
)
def test_a_database_that_does_not_fit_the_code_is_refused_before_anything_is_changed(
    blank: SyncDatabase, brought: list[Migration], code: str
) -> None:
    run_to_end(migrate(blank, migrations=[FIRST, SECOND]))
    for attempt in (
        migrate(blank, migrations=[*brought, *([THIRD] if len(brought) > 1 else [])]),
        status(blank, migrations=brought),
    ):
        with pytest.raises(Refused) as refusal:
            run_to_end(attempt)
        assert refusal.value.code == code
    assert numbers([step for step in run_to_end(status(blank, migrations=[FIRST, SECOND])) if step.applied_at]) == [
        1,
        2,
    ]


def test_of_two_that_migrate_at_once_one_does_it_and_the_other_waits(blank_url: str, chance: SeededChance) -> None:
    async def both() -> list[list[Step]]:
        async with AsyncDatabase(blank_url, clock=SystemClock(), chance=chance) as one:
            async with AsyncDatabase(blank_url, clock=SystemClock(), chance=chance) as other:
                return await asyncio.gather(*(migrate(each, migrations=ALL) for each in (one, other)))

    assert sorted(number for steps in asyncio.run(both()) for number in numbers(steps)) == [1, 2, 3]


def test_the_script_for_those_who_apply_it_by_hand_leads_to_the_same(blank: SyncDatabase, blank_url: str) -> None:
    with psycopg.connect(blank_url, autocommit=True) as connection:
        connection.execute(script(migrations=ALL, to=2).encode())
    assert numbers(run_to_end(migrate(blank, migrations=ALL))) == [3]


def test_the_migrations_of_this_release_bring_a_database_up_to_date(blank: SyncDatabase) -> None:
    """A12: the rules of the data are constraints that the migrations make."""
    with pytest.raises(PayonceError) as refusal:
        run_to_end(require_current(blank))
    assert refusal.value.code == "schema_behind"
    run_to_end(migrate(blank))
    run_to_end(require_current(blank))


def test_a_migration_is_split_at_the_semicolons_that_end_statements() -> None:
    text = "-- a;b\nSELECT ';', \"a;\"; /* ; */\nSELECT 'it''s;' -- c;\n, 2 - 1, 4 / 2;\nSELECT $x$ ; $x$;\n-- end;\n"
    statements = Migration(1, "one", "pre", text).statements()
    assert [statement.splitlines()[-1] for statement in statements] == [
        "SELECT ';', \"a;\"",
        ", 2 - 1, 4 / 2",
        "SELECT $x$ ; $x$",
    ]


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"0001_a.sql": "-- phase: pre\n-- A reason.\n", "0003_c.sql": "-- phase: pre\n-- A reason.\n"}, "numbered"),
        ({"1_a.sql": "-- phase: pre\n-- A reason.\n"}, "named"),
        ({"0001_a.sql": "-- A reason.\nSELECT 1;\n-- phase: pre\n"}, "phase"),
        ({"0001_a.sql": "-- phase: pre\nSELECT 1;\n-- Too late.\n"}, "reason"),
    ],
)
def test_a_file_that_is_not_in_the_agreed_shape_is_refused(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(Bug, match=complaint):
        migration_files.read(tmp_path)


def test_the_schema_that_people_read_is_the_one_that_the_migrations_make(database_url: str) -> None:
    """Run `python -m payonce.drivers.schema` after a change of the migrations."""
    assert schema.FILE.read_text("utf-8") == schema.dump(database_url)
