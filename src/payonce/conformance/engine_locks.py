"""What two sessions see of each other: conditional updates, locks, conflicts, deadlocks, time-outs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg import Error, errors

from payonce.conformance.check import Check, require
from payonce.conformance.ground import Ground
from payonce.conformance.sessions import Pending, Session

PART: Final = "engine"
# How soon an engine should give up waiting when it was told to.
SOON: Final = "200ms"
_TAKE: Final = "UPDATE payonce_conformance_rows SET state = 'taken' WHERE id = 1 AND state = 'open'"
_HOLD: Final = "SELECT state FROM payonce_conformance_rows WHERE id = 1 FOR UPDATE"
_HOLD_TWO: Final = "SELECT state FROM payonce_conformance_rows WHERE id = 2 FOR UPDATE"
_SKIP: Final = "SELECT id FROM payonce_conformance_rows ORDER BY id FOR UPDATE SKIP LOCKED"
_GIVEN_WAY: Final = (errors.SerializationFailure, errors.DeadlockDetected)


@contextmanager
def two_rows(ground: Ground, sessions: int = 2) -> Iterator[list[Session]]:
    """Sessions, and a table with two open rows. It goes with them."""
    with ground.sessions(sessions + 1) as (beside, *others):
        beside.do(
            "DROP TABLE IF EXISTS payonce_conformance_rows",
            "CREATE TABLE payonce_conformance_rows (id integer NOT NULL PRIMARY KEY, state text NOT NULL)",
            "INSERT INTO payonce_conformance_rows (id, state) VALUES (1, 'open'), (2, 'open')",
        )
        try:
            yield others
        finally:
            for other in others:
                other.close()
            beside.do("DROP TABLE IF EXISTS payonce_conformance_rows")


def isolation(ground: Ground) -> str:
    """Look which isolation a plain BEGIN gives."""
    with ground.sessions(1) as (one,):
        one.do("BEGIN")
        found = str(one.rows("SELECT current_setting('transaction_isolation')")[0][0])
        one.do("ROLLBACK")
    require(
        found in ("read committed", "serializable"),
        f"A plain BEGIN gives {found!r}; payonce is correct under READ COMMITTED and SERIALIZABLE only. Set "
        "default_transaction_isolation for its role or database.",
    )
    return found


def conditional_updates(ground: Ground) -> str:
    """Let two sessions take the same row, the second of them while the first has not committed."""
    with two_rows(ground) as (one, two):
        one.do("BEGIN")
        two.do("BEGIN")
        require(one.touch(_TAKE) == 1, "An update whose condition holds touched no row.")
        second = two.ask(_TAKE)
        waited = second.is_waiting()
        one.do("COMMIT")
        touched = _touched(second)
        two.do("ROLLBACK")
    require(touched in (0, None), "Two sessions took the same row: the second did not see what the first committed.")
    how = "the second waited" if waited else "the second was answered at once"
    return f"{how} and {'gave way' if touched is None else 'found it taken'}"


def for_update_waits(ground: Ground) -> str:
    """Lock a row, and let another session lock it too."""
    with two_rows(ground) as (one, two):
        one.do("BEGIN")
        two.do("BEGIN")
        one.rows(_HOLD)
        second = two.ask(_HOLD)
        waited = second.is_waiting()
        one.do(_TAKE, "COMMIT")
        found = _rows(second)
        two.do("ROLLBACK")
    require(waited, "FOR UPDATE did not wait for a row that another transaction holds.")
    require(found in ([("taken",)], None), f"FOR UPDATE waited, and then gave a row that is old: {found}.")
    return "waits, then gives the newest row" if found else "waits, then gives way"


def lock_timeout(ground: Ground) -> str:
    """Let a session give up a lock that it does not get."""
    with two_rows(ground) as (one, two):
        one.do("BEGIN")
        one.rows(_HOLD)
        two.do("BEGIN", f"SET LOCAL lock_timeout = '{SOON}'")
        seen = _state(two.ask(_HOLD))
        two.do("ROLLBACK")
        one.do("ROLLBACK")
    require(seen in ("55P03", "57014"), f"Whoever waits for a lock is not told after lock_timeout (answer: {seen}).")
    return f"gives up with {seen}"


def statement_timeout(ground: Ground) -> str:
    """Let a statement take longer than it may."""
    with ground.sessions(1) as (one,):
        one.do("BEGIN", f"SET LOCAL statement_timeout = '{SOON}'")
        seen = _state(one.ask("SELECT pg_sleep(20)"))
        one.do("ROLLBACK")
    require(seen == "57014", f"A statement that takes longer than statement_timeout is not ended (answer: {seen}).")
    return "ends with 57014"


def deadlocks(ground: Ground) -> str:
    """Let two sessions wait for each other."""
    with two_rows(ground) as (one, two):
        for session in (one, two):
            # Far longer than an engine takes to see it.
            session.do("BEGIN", "SET LOCAL lock_timeout = '20s'")
        one.rows(_HOLD)
        two.rows(_HOLD_TWO)
        first = one.ask(_HOLD_TWO)
        require(first.is_waiting(), "Two sessions hold the same row.")
        second = two.ask(_HOLD)
        # Whoever was chosen must roll back before the other can go on.
        seen = _state(second)
        two.do("ROLLBACK")
        seen = seen or _state(first)
        one.do("ROLLBACK")
    require(seen in ("40P01", "40001"), f"Two that wait for each other are not parted by 40P01 (answer: {seen}).")
    return f"one is told {seen}"


def serializable(ground: Ground) -> str:
    """Let two sessions decide by what the other changes: each takes a row because the other one is open."""
    with two_rows(ground) as (one, two):
        for session in (one, two):
            session.do("BEGIN ISOLATION LEVEL SERIALIZABLE")
        seen: list[str] = []
        count = "SELECT count(*) FROM payonce_conformance_rows WHERE state = 'open'"
        for session in (one, two):
            _note(seen, session.ask(count))
        for session, number in ((one, 1), (two, 2)):
            _note(seen, session.ask("UPDATE payonce_conformance_rows SET state = 'taken' WHERE id = %s", number))
        for session in (one, two):
            _note(seen, session.ask("COMMIT"))
        for session in (one, two):
            session.do("ROLLBACK")
    require("40001" in seen, "Two SERIALIZABLE transactions that exclude each other were both committed.")
    return "one is told 40001"


def skip_locked(ground: Ground) -> str:
    """Lock a row, and let another session take what is free."""
    with two_rows(ground) as (one, two):
        one.do("BEGIN")
        one.rows(_HOLD)
        two.do("BEGIN", f"SET LOCAL lock_timeout = '{SOON}'")
        found = two.rows(_SKIP)
        two.do("ROLLBACK")
        one.do("ROLLBACK")
    require(found == [(2,)], f"SKIP LOCKED gave {found} where the second row alone is free.")
    return "gives what is free"


def _touched(pending: Pending) -> int | None:
    """How many rows it touched; None where it was told to run again."""
    try:
        return pending.touched()
    except _GIVEN_WAY:
        return None


def _rows(pending: Pending) -> list[tuple[object, ...]] | None:
    try:
        return [tuple(row) for row in pending.rows()]
    except _GIVEN_WAY:
        return None


def _state(pending: Pending) -> str:
    """The SQLSTATE that it ends with; nothing where it went well."""
    try:
        pending.touched()
    except Error as error:
        return error.sqlstate or "a lost connection"
    return ""


def _note(seen: list[str], pending: Pending) -> None:
    state = _state(pending)
    if state and state != "25P02":
        seen.append(state)


CHECKS: Final[tuple[Check[Ground], ...]] = (
    Check("isolation", PART, "a plain BEGIN gives an isolation that payonce is correct under", isolation),
    Check("conditional_updates", PART, "of two that take a row, one takes it", conditional_updates),
    Check("for_update_waits", PART, "who locks an order waits for who holds it, and reads it anew", for_update_waits),
    Check("lock_timeout", PART, "who waits for a lock too long is told", lock_timeout),
    Check("statement_timeout", PART, "a statement that takes too long is ended", statement_timeout),
    Check("deadlocks", PART, "two that wait for each other are parted by an error that means: run again", deadlocks),
    Check(
        "serializable", PART, "SERIALIZABLE means it, and says 40001", serializable, is_required=False,
        otherwise="payonce asks for READ COMMITTED and needs it nowhere.",
    ),
    Check(
        "skip_locked", PART, "workers pass by what another one holds", skip_locked, is_required=False,
        otherwise="Workers wait for each other; nothing is done twice.",
    ),
)  # fmt: skip
