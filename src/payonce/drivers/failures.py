"""What an error of the database means for the transaction that met it: again, later, or a broken promise.

The only place that reads SQLSTATEs. Refuses to guess: what is not listed here is a Bug, never "try again".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from psycopg import Error, errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from payonce.base.errors import Bug, InDoubt, PayonceError, Unavailable
from payonce.drivers.pipeline import Silence
from payonce.store.database import Meanings, RerunConstraints

# Serialization failure, deadlock: the database chose us to give way, and has rolled back.
_GIVEN_WAY: Final = {"40001", "40P01"}
# The connection is gone or on its way out: shutdowns, crashes, refused or broken connections, an idle transaction that
# was ended.
_LOST: Final = {"57P01", "57P02", "57P03", "57P05", "25P03"}
_LOST_CLASS: Final = "08"
_READ_ONLY: Final = "25006"
# Two made the same table at once, both having looked first: IF NOT EXISTS does not help there.
_MADE_MEANWHILE: Final = {"42P07", "42710"}
# The server cannot do it now: out of resources (53), time-outs, failing disks (58).
_LATER: Final = {"57014", "55P03"}
_LATER_CLASSES: Final = ("53", "58")
_INTEGRITY_CLASS: Final = "23"
_UNIQUE: Final = "23505"
# A prepared statement is not there, or is there already: somebody between us and the server mixes up sessions.
_UNPREPARED: Final = {"26000", "42P05"}
_POOLER: Final = (
    "A pooler in transaction mode loses prepared statements (PgBouncer before 1.21 does): use session mode, or a newer "
    "one with max_prepared_statements."
)
# How long a caller should wait before it asks again: a failover by script takes a second.
RETRY_AFTER_SECONDS: Final = 1.0


class ConnectionCut(Exception):
    """Raised by an observer in a test: the connection breaks here, unflushed, and the process lives on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to run the closure again, whether the connection is gone, and what to raise when not (or no more)."""

    again: bool
    lost: bool
    error: PayonceError


def judge(
    error: Exception, *, name: str, meanings: Meanings, rerun: RerunConstraints, read_only: bool = False
) -> Verdict:
    """What `error`, met by the transaction `name`, means."""
    if is_loss(error):
        return Verdict(True, True, unavailable(name, error))
    state = (error.sqlstate if isinstance(error, Error) else None) or ""
    if is_from_standby(error) and not read_only:
        return Verdict(True, True, unavailable(name, error))
    constraint = constraint_of(error)
    if is_giving_way(error) or is_stale_plan(error):
        return Verdict(True, False, unavailable(name, error))
    if state in _MADE_MEANWHILE:
        return Verdict(True, False, _bug(name, error, constraint))
    if state.startswith(_INTEGRITY_CLASS):
        again = state == _UNIQUE and constraint is not None and (rerun is None or constraint in rerun)
        return Verdict(again, False, _meant(name, error, constraint, meanings))
    if state in _LATER or state.startswith(_LATER_CLASSES):
        return Verdict(False, False, unavailable(name, error))
    return Verdict(False, False, _bug(name, error, constraint))


def constraint_of(error: BaseException | None) -> str | None:
    """The name of the constraint that `error` (a driver's error, or one of ours made from it) says was violated."""
    while error is not None:
        if isinstance(error, Error) and error.diag.constraint_name:
            return error.diag.constraint_name
        error = error.__cause__
    return None


def is_loss(error: BaseException) -> bool:
    """Whether `error` says that the connection is gone; what was sent last may or may not have been done."""
    if isinstance(error, ConnectionCut | Silence):
        return True
    if not isinstance(error, Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, errors.OperationalError)
    return error.sqlstate in _LOST or error.sqlstate.startswith(_LOST_CLASS)


def is_from_standby(error: BaseException) -> bool:
    """Whether the server may only read: it became, or always was, a standby. (Or the transaction asked for that.)"""
    return isinstance(error, Error) and error.sqlstate == _READ_ONLY


def is_giving_way(error: BaseException) -> bool:
    """Whether the database rolled us back so that somebody else could go on."""
    return isinstance(error, Error) and error.sqlstate in _GIVEN_WAY


def is_stale_plan(error: BaseException) -> bool:
    """Whether a migration changed a table below a prepared statement."""
    return isinstance(error, errors.FeatureNotSupported) and error.diag.source_function == "RevalidateCachedQuery"


def unavailable(name: str, error: BaseException | None) -> Unavailable:
    """The error of a database that does not answer, or not now."""
    sqlstate = error.sqlstate if isinstance(error, Error) else None
    return Unavailable(
        "The database does not answer at the moment; nothing is lost, please try again.",
        code="store_unavailable",
        hint=_hint(error),
        retry_after_seconds=RETRY_AFTER_SECONDS,
        detail={"transaction": name, "sqlstate": sqlstate, "outcome": "unknown" if _is_doubt(error) else "rolled_back"},
    )


def commit_unknown(name: str) -> InDoubt:
    """COMMIT was sent, and no answer, or none that can be trusted, came back."""
    return InDoubt(
        "The database did not say whether it committed.",
        code="commit_unknown",
        retry_after_seconds=RETRY_AFTER_SECONDS,
        detail={"transaction": name},
    )


def _is_doubt(error: BaseException | None) -> bool:
    return isinstance(error, InDoubt)


def _hint(error: BaseException | None) -> str:
    if isinstance(error, PoolTimeout | TooManyRequests):
        return (
            "No connection was free in time. Where the server answers, all are in use: raise the pool's size, or look "
            "for long transactions in pg_stat_activity."
        )
    if isinstance(error, PoolClosed):
        return "The service is stopping."
    return _words(error) if error else ""


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip():.300}"


def _meant(name: str, error: Exception, constraint: str | None, meanings: Meanings) -> PayonceError:
    meaning = meanings.get(constraint) if constraint else None
    return meaning(str(error).strip()) if meaning else _bug(name, error, constraint)


def _bug(name: str, error: Exception, constraint: str | None) -> Bug:
    sqlstate = getattr(error, "sqlstate", None)
    return Bug(
        f"The transaction {name} met an error that it should not meet.",
        hint=_POOLER if sqlstate in _UNPREPARED else _words(error),
        detail={"transaction": name, "sqlstate": sqlstate, "constraint": constraint},
    )
