"""Whether values come back as they were written: money, times, bytes, documents, columns of a batch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from payonce.conformance.check import Check, require
from payonce.conformance.ground import Ground
from payonce.drivers.stepping import run_to_end
from payonce.store.database import Query, Tx

PART: Final = "engine"
AT: Final = datetime(2026, 11, 20, 12, 0, 0, 123457, tzinfo=UTC)
_DROP: Final = "DROP TABLE IF EXISTS payonce_conformance_values"
BYTES: Final = bytes(range(256))
# The largest amount that a bigint holds, and the smallest.
AMOUNTS: Final = (2**63 - 1, -(2**63))


def timestamps(ground: Ground) -> str:
    """Write an instant, and read it as a number of microseconds."""
    with ground.sessions(1) as (one,):
        asked = "SELECT (extract(epoch FROM %s::timestamptz) * 1000000)::bigint, %s::timestamptz::text"
        one.do("BEGIN", "SET LOCAL TIME ZONE 'Asia/Ho_Chi_Minh'")
        [(found, text)] = one.rows(asked, AT.isoformat(), AT.isoformat())
        one.do("ROLLBACK")
    wanted = int(AT.timestamp()) * 1_000_000 + AT.microsecond
    require(found == wanted, f"An instant came back as {found} microseconds instead of {wanted}.")
    require(text == "2026-11-20 19:00:00.123457+07", f"An instant is shown as {text} in another zone.")
    return "to the microsecond"


def every_byte(ground: Ground) -> str:
    """Write all bytes that there are into a table, and read them."""
    with ground.sessions(1) as (one,):
        one.do(
            "DROP TABLE IF EXISTS payonce_conformance_values",
            "CREATE TABLE payonce_conformance_values (body bytea NOT NULL)",
        )
        try:
            one.touch("INSERT INTO payonce_conformance_values (body) VALUES (%s)", BYTES)
            [(found, length)] = one.rows("SELECT body, length(body) FROM payonce_conformance_values")
        finally:
            one.do(_DROP)
    require((bytes(found), length) == (BYTES, 256), "The bytes that were stored are not those that came.")
    return "all 256"


def amounts(ground: Ground) -> str:
    """Read the largest amounts, and see that a larger one is refused instead of turned over."""
    with ground.sessions(1) as (one,):
        [found] = one.rows("SELECT %s::bigint, %s::bigint", *AMOUNTS)
        require(found == AMOUNTS, f"The largest amounts came back as {found}.")
        [(total,)] = one.rows("SELECT sum(a)::numeric FROM (VALUES (%s::bigint), (%s::bigint)) AS x (a)", 2**62, 2**62)
    require(int(total) == 2**63, f"A sum of amounts is {total} instead of {2**63}.")
    return "to the last unit"


def batches(ground: Ground) -> str:
    """Send columns of a batch as the driver does, and read them as rows in their order."""
    wanted = [(UUID(int=number), number, f"name {number}", AT, BYTES[:number]) for number in range(1, 4)]
    names = ("ids", "amounts", "names", "times", "bodies")
    columns = dict(zip(names, map(list, zip(*wanted, strict=True)), strict=True))
    query = Query(
        "conformance.batch",
        "SELECT b.id, b.amount, b.name, b.at, b.body FROM unnest(%(ids)s::uuid[], %(amounts)s::bigint[], "
        "%(names)s::text[], %(times)s::timestamptz[], %(bodies)s::bytea[]) AS b (id, amount, name, at, body) "
        "WHERE b.id = ANY(%(ids)s::uuid[]) ORDER BY b.id",
        "A batch, sent and read.",
    )

    async def work(tx: Tx) -> list[tuple[object, ...]]:
        return [tuple(row) for row in await tx.rows(query, **columns)]

    with ground.database() as database:
        found = run_to_end(database.transaction(work, name="conformance", read_only=True))
    require(found == wanted, f"A batch of columns came back as {found!r:.120}.")
    return "columns in one statement"


def documents(ground: Ground) -> str:
    """Write a document, and read a value of it."""
    with ground.sessions(1) as (one,):
        text = '{"name": "\\u00e9\\u4e2d", "list": [1, 2.50], "none": null}'
        [(name, number, whole)] = one.rows(
            "SELECT d.d ->> 'name', d.d #>> '{list,1}', d.d FROM (SELECT %s::jsonb AS d) AS d", text
        )
    require((name, number) == ("é中", "2.50"), f"A document's values came back as {name!r} and {number!r}.")
    require(whole == {"name": "é中", "list": [1, 2.5], "none": None}, "A document came back as another one.")
    return "as they were"


CHECKS: Final[tuple[Check[Ground], ...]] = (
    Check("timestamps", PART, "instants are kept to the microsecond, whatever the zone", timestamps),
    Check("every_byte", PART, "what a provider sent is kept byte by byte", every_byte),
    Check("amounts", PART, "amounts are whole numbers, and none is rounded", amounts),
    Check("batches", PART, "a batch is one statement: unnest and = ANY", batches),
    Check("documents", PART, "metadata come back as they were given", documents),
)
