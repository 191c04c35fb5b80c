"""What stands between us and the rows: poolers, and what the engine promises of its disk. What is off is said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Final

from psycopg import Error

from payonce.conformance.check import Check, require
from payonce.conformance.ground import Ground
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.store.database import Limits, Query, Tx

PART: Final = "engine"
# So many that each connection meets several sessions of a pooler.
CLIENTS: Final = 3
ROUNDS: Final = 8
# How long a notification may take; nothing waits for one in earnest.
TOLD_SECONDS: Final = 5.0
_WHO: Final = Query("conformance.who", "SELECT %(number)s::bigint AS number", "Prepared once, then asked by its name.")
_LIMITS: Final = Query(
    "conformance.limits",
    "SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock, "
    "current_setting('TimeZone') AS zone",
    "What a connection was told when it was opened.",
)


def version(ground: Ground) -> str:
    """Ask the engine what it is."""
    with ground.sessions(1) as (one,):
        ground.version = " ".join(str(one.rows("SELECT version()")[0][0]).split())
        number = int(one.rows("SELECT current_setting('server_version_num')")[0][0])
    require(number >= 150_000, f"It speaks as PostgreSQL {number // 10_000}; payonce is tested from 15 on.")
    return ground.version


def prepared_statements(ground: Ground) -> str:
    """Ask by several connections in turn, so that a pooler changes sessions between."""

    async def ask(database: SyncDatabase, number: int) -> None:
        async def work(tx: Tx) -> int:
            row = await tx.one(_WHO, number=number)
            return int(row.number) if row else -1

        found = await database.transaction(work, name="conformance", read_only=True)
        require(found == number, f"A prepared statement answered {found} instead of {number}.")

    with ExitStack() as stack:
        databases = [stack.enter_context(ground.database(name=f"payonce-{number}")) for number in range(CLIENTS)]
        for number in range(ROUNDS):
            # One after the other, they get the same session of a pooler: each finds what another one prepared.
            for database in databases:
                run_to_end(ask(database, number))
            # A transaction held open meanwhile takes that session away, and the next finds nothing prepared.
            run_to_end(_nested(databases[number % CLIENTS], databases[number % CLIENTS - 1], ask, number))
    return f"survive {ROUNDS} rounds of {CLIENTS} connections"


async def _nested(
    one: SyncDatabase, two: SyncDatabase, ask: Callable[[SyncDatabase, int], Awaitable[None]], number: int
) -> None:
    async def hold(tx: Tx) -> None:
        await tx.rows(_WHO, number=number)
        await ask(two, number)
        await tx.rows(_WHO, number=number)

    await one.transaction(hold, name="conformance", read_only=True)


def session_settings(ground: Ground) -> str:
    """Look whether what a connection was told when it was opened still holds, while another one is at work."""
    limits = Limits()

    async def work(tx: Tx) -> tuple[str, ...]:
        row = await tx.one(_LIMITS)
        return tuple(row) if row else ()

    with ground.database() as database, ground.sessions(1) as (other,):
        for _ in range(ROUNDS):
            # What somebody else tells his own connection is no business of ours.
            other.do("SELECT set_config('statement_timeout', '77s', false)")
            found = run_to_end(database.transaction(work, name="conformance", read_only=True))
            wanted = (f"{limits.statement_seconds:.0f}s", f"{limits.lock_seconds:.0f}s", "UTC")
            require(found == wanted, f"A connection was told {wanted} and has {found}: a pooler mixes sessions up.")
    return "hold"


def commit_status(ground: Ground) -> str:
    """Ask for the outcome of a transaction by its number."""
    with ground.sessions(1) as (one,):
        one.do("BEGIN")
        [(number,)] = one.rows("SELECT pg_current_xact_id()::text")
        one.do("COMMIT")
        [(status,)] = one.rows("SELECT pg_xact_status(%s::xid8)", number)
    require(status == "committed", f"A committed transaction is called {status}.")
    return "known by number"


def notify(ground: Ground) -> str:
    """Tell another session something."""
    with ground.sessions(2) as (one, two):
        one.do("LISTEN payonce_conformance")
        two.do("NOTIFY payonce_conformance, 'hello'")
        told = list(one.connection.notifies(timeout=min(TOLD_SECONDS, one.deadline_seconds), stop_after=1))
    require([one.payload for one in told] == ["hello"], "NOTIFY reaches nobody.")
    return "arrives"


def setting(name: str) -> Callable[[Ground], str]:
    """See that a setting of the server is on, or what stands for on."""

    def run(ground: Ground) -> str:
        with ground.sessions(1) as (one,):
            try:
                found = str(one.rows("SELECT current_setting(%s)", name)[0][0])
            except Error as error:
                require(error.sqlstate != "42704", f"It has no setting {name}: ask how it keeps its disk.")
                raise
        require(found not in ("off", "false", "0"), f"{name} is {found}.")
        return found

    return run


_LOSES: Final = "A crash of the machine can lose what was acknowledged, and what is left can be damaged."
CHECKS: Final[tuple[Check[Ground], ...]] = (
    Check("version", PART, "the engine is one that payonce is tested with", version, is_required=False),
    Check("prepared_statements", PART, "statements stay prepared, also behind a pooler", prepared_statements),
    Check(
        "session_settings", PART, "a connection keeps its time-outs and its zone", session_settings, is_required=False,
        otherwise="Set statement_timeout and lock_timeout for the role, or pool by session.",
    ),
    Check(
        "commit_status", PART, "the outcome of a COMMIT can be asked", commit_status, is_required=False,
        otherwise="An unknown outcome is resolved by running the transaction again, as payonce does everywhere.",
    ),
    Check(
        "notify", PART, "sessions can tell each other", notify, is_required=False,
        otherwise="Nothing of payonce uses it.",
    ),
    Check("fsync", PART, "a COMMIT is on the disk", setting("fsync"), is_required=False, otherwise=_LOSES),
    Check(
        "synchronous_commit", PART, "a COMMIT is on the disk before it is answered", setting("synchronous_commit"),
        is_required=False, otherwise="A crash can lose what was acknowledged in the last moments: turn it on.",
    ),
    Check(
        "full_page_writes", PART, "a torn page is mended", setting("full_page_writes"), is_required=False,
        otherwise=f"{_LOSES} Only a file system that never tears a page makes up for it.",
    ),
)  # fmt: skip
