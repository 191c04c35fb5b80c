"""What an error of the database means is a table: every row here, and nothing is guessed for what has none."""

from __future__ import annotations

import pytest
from psycopg import errors
from psycopg_pool import PoolTimeout

from payonce.base.errors import Bug, PayonceError, Unavailable
from payonce.drivers.connecting import conninfo
from payonce.drivers.failures import judge
from payonce.store.database import Limits

TABLE = [
    # (SQLSTATE, whether it is run again, whether the connection is gone, what is raised at last)
    ("40001", True, False, Unavailable),
    ("40P01", True, False, Unavailable),
    ("57P01", True, True, Unavailable),
    ("57P02", True, True, Unavailable),
    ("57P03", True, True, Unavailable),
    ("08006", True, True, Unavailable),
    ("25P03", True, True, Unavailable),
    ("25006", True, True, Unavailable),
    ("57014", False, False, Unavailable),
    ("55P03", False, False, Unavailable),
    ("53100", False, False, Unavailable),
    ("53300", False, False, Unavailable),
    ("58030", False, False, Unavailable),
    ("42P07", True, False, Bug),
    ("23503", False, False, Bug),
    ("42703", False, False, Bug),
    ("22P02", False, False, Bug),
    ("0A000", False, False, Bug),
    ("26000", False, False, Bug),
]


@pytest.mark.parametrize(("sqlstate", "again", "lost", "kind"), TABLE)
def test_each_state_means_again_or_later_or_a_broken_promise(
    sqlstate: str, again: bool, lost: bool, kind: type[PayonceError]
) -> None:
    verdict = judge(errors.lookup(sqlstate)("words"), name="settle", meanings={}, rerun=None)
    assert (verdict.again, verdict.lost, type(verdict.error)) == (again, lost, kind)
    assert verdict.error.detail["transaction"] == "settle"


def test_a_write_in_a_transaction_that_only_reads_is_our_own_mistake() -> None:
    verdict = judge(errors.ReadOnlySqlTransaction("no"), name="x", meanings={}, rerun=None, read_only=True)
    assert (verdict.again, type(verdict.error)) == (False, Bug)


def test_an_operator_is_told_what_to_do() -> None:
    lost = judge(errors.InvalidSqlStatementName("gone"), name="x", meanings={}, rerun=None)
    full = judge(PoolTimeout("none"), name="x", meanings={}, rerun=None)
    assert "PgBouncer" in lost.error.hint
    assert "pool" in full.error.hint


def test_of_several_servers_the_one_that_writes_is_looked_for() -> None:
    assert "target_session_attrs=read-write" in conninfo("postgresql://a,b/x", Limits())
    assert "target_session_attrs" not in conninfo("postgresql://a/x", Limits())
    assert "target_session_attrs=any" in conninfo("postgresql://a,b/x?target_session_attrs=any", Limits())
    assert "connect_timeout=9" in conninfo("postgresql://a/x?connect_timeout=9", Limits())


def test_several_servers_share_the_time_to_connect_so_that_one_that_hangs_leaves_some_to_the_others() -> None:
    assert "connect_timeout=12" in conninfo("postgresql://a/x", Limits(connection_seconds=12))
    assert "connect_timeout=4" in conninfo("postgresql://a,b,c/x", Limits(connection_seconds=12))
    assert "connect_timeout=2" in conninfo("postgresql://a,b,c/x", Limits())
