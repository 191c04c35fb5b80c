"""Bring a database to the schema that this code needs: each migration once, in order, in a transaction of its own.

Refuses a database that is ahead of the code, and one whose migrations are not those that the code brings: then an older
release runs on a newer database, or somebody changed a file after it was released. Never goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from payonce.base.errors import Refused
from payonce.store import migration_files, queries
from payonce.store.database import Call, Database, Query, Row, Tx
from payonce.store.migration_files import Migration, Phase

_book = queries.load("migrate")


@dataclass(frozen=True, slots=True)
class Step:
    """One migration and when it was applied; None while it is pending."""

    number: int
    name: str
    phase: Phase
    applied_at: datetime | None


async def migrate(
    database: Database,
    *,
    to: int | None = None,
    only_pre: bool = False,
    migrations: Sequence[Migration] | None = None,
) -> list[Step]:
    """Apply what is pending, up to number `to`; with `only_pre`, stop before the first that must wait until no old code
    runs. What was applied now. Raises Refused `schema_ahead` or `schema_changed`, before anything is changed."""
    known = migration_files.read() if migrations is None else migrations
    await database.transaction(_make_book, name="migrate.make_book")
    done: list[Step] = []
    for migration in known:
        if (to is not None and migration.number > to) or (only_pre and migration.phase == "post"):
            break
        step = await _apply(database, migration, known)
        if step is not None:
            done.append(step)
    return done


async def status(database: Database, *, migrations: Sequence[Migration] | None = None) -> list[Step]:
    """Every migration of this code, in order, with when it was applied. Raises like `migrate`; changes nothing."""
    known = migration_files.read() if migrations is None else migrations

    async def look(tx: Tx) -> list[Row]:
        book = await tx.one(_book.has_book)
        return await tx.rows(_book.applied) if book and book.tables else []

    applied = await database.transaction(look, name="migrate.status", read_only=True)
    _compare(known, applied)
    when = {row.number: row.applied_at for row in applied}
    return [Step(each.number, each.name, each.phase, when.get(each.number)) for each in known]


async def require_current(database: Database) -> None:
    """Raise Refused `schema_behind` unless every migration that this code needs before it runs is applied."""
    pending = [step for step in await status(database) if step.applied_at is None and step.phase == "pre"]
    if pending:
        raise Refused(
            f"The database lacks {len(pending)} migrations, the first is {pending[0].number:04}_{pending[0].name}.",
            code="schema_behind",
            hint="Run `payonce db migrate`.",
        )


def script(*, after: int = 0, to: int | None = None, migrations: Sequence[Migration] | None = None) -> str:
    """The migrations behind number `after` as one SQL script for psql, for those who apply it by hand."""
    known = migration_files.read() if migrations is None else migrations
    wanted = [each for each in known if each.number > after and (to is None or each.number <= to)]
    return "\n".join([f"{_book.make_book.sql};\n", *(_as_script(migration) for migration in wanted)])


def _as_script(migration: Migration) -> str:
    # Names and phases were matched against patterns when they were read, so that nothing in them needs escaping.
    record = (
        _book.record.sql.replace("%(number)s", str(migration.number))
        .replace("%(name)s", f"'{migration.name}'")
        .replace("%(phase)s", f"'{migration.phase}'")
        .replace("%(checksum)s", f"'{migration.checksum}'")
        .replace("%(now)s", "now()")
    )
    return f"-- {migration.number:04}_{migration.name}\nBEGIN;\n{migration.text.rstrip()}\n{record};\nCOMMIT;\n"


async def _make_book(tx: Tx) -> None:
    # Asked first, so that a role that may not create tables can start on a database that is up to date.
    book = await tx.one(_book.has_book)
    if book is None or not book.tables:
        await tx.run(_book.make_book)
    tx.later(_book.make_lock, now=tx.now)


async def _apply(database: Database, migration: Migration, known: Sequence[Migration]) -> Step | None:
    async def work(tx: Tx) -> Step | None:
        await tx.all((_book.be_patient, {}), (_book.lock, {}), (_book.be_quick_with_locks, {}))
        applied = await tx.rows(_book.applied)
        _compare(known, applied)
        if any(row.number == migration.number for row in applied):
            return None
        await tx.all(*_calls(migration))
        tx.later(
            _book.record,
            number=migration.number,
            name=migration.name,
            phase=migration.phase,
            checksum=migration.checksum,
            now=tx.now,
        )
        return Step(migration.number, migration.name, migration.phase, tx.now)

    return await database.transaction(work, name=f"migrate.{migration.number:04}")


def _calls(migration: Migration) -> list[Call]:
    name = f"migration.{migration.number:04}"
    # A migration has no parameters, so its percent signs are only percent signs.
    statements = (statement.replace("%", "%%") for statement in migration.statements())
    return [(Query(name, statement, "A step of the schema."), {}) for statement in statements]


def _compare(known: Sequence[Migration], applied: Sequence[Row]) -> None:
    brought = {migration.number: migration for migration in known}
    for row in applied:
        migration = brought.get(row.number)
        if migration is None:
            raise Refused(
                f"The database has migration {row.number:04}_{row.name}, which this release does not know.",
                code="schema_ahead",
                hint="A newer release has migrated it: run that one.",
            )
        if migration.checksum != row.checksum:
            raise Refused(
                f"Migration {row.number:04}_{row.name} of the database is not the one that this release brings.",
                code="schema_changed",
                hint="A released migration is never edited: restore the file, and write a new one.",
            )
