"""Whether the engine keeps declared rules, and says by name which one was broken: what the promises are written in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg import Error

from payonce.conformance.check import Check, NotKept, require
from payonce.conformance.ground import Ground
from payonce.conformance.sessions import Session

PART: Final = "engine"
PARENT: Final = "payonce_conformance_parents"
CHILD: Final = "payonce_conformance_children"
# As in the migrations: named, and written in one statement.
_MAKE: Final = (
    f"DROP TABLE IF EXISTS {CHILD}",
    f"DROP TABLE IF EXISTS {PARENT}",
    f"""CREATE TABLE {PARENT} (
    merchant_id text NOT NULL, id integer NOT NULL, state text NOT NULL, amount bigint NOT NULL, name text,
    CONSTRAINT conformance_once PRIMARY KEY (merchant_id, id),
    CONSTRAINT conformance_positive CHECK (amount > 0),
    CONSTRAINT conformance_named_once UNIQUE (merchant_id, name))""",
    f"CREATE UNIQUE INDEX conformance_open_once ON {PARENT} (merchant_id, amount) WHERE state = 'open'",
    f"""CREATE TABLE {CHILD} (
    merchant_id text NOT NULL, id integer NOT NULL,
    CONSTRAINT conformance_of_a_parent FOREIGN KEY (merchant_id, id) REFERENCES {PARENT} (merchant_id, id))""",
    f"INSERT INTO {PARENT} (merchant_id, id, state, amount, name) VALUES ('m', 1, 'open', 5, 'one')",  # nosec B608
)


@contextmanager
def _tables(ground: Ground) -> Iterator[Session]:
    with ground.sessions(1) as (one,):
        one.do(*_MAKE)
        try:
            yield one
        finally:
            one.do("ROLLBACK", f"DROP TABLE IF EXISTS {CHILD}", f"DROP TABLE IF EXISTS {PARENT}")


def refused(session: Session, text: str, rule: str, state: str) -> str:
    """See that the statement is refused by the rule of that name. Raises NotKept."""
    try:
        session.touch(text)
    except Error as error:
        found = error.diag.constraint_name
        require(error.sqlstate == state, f"{rule} was broken, and the answer is {error.sqlstate} instead of {state}.")
        require(found == rule, f"{rule} was broken, and the answer names {found!r}: nobody can tell what it means.")
        return f"refused by {rule}"
    raise NotKept(f"{rule} does not refuse what it must.")


def _insert(id_: int, state: str, amount: int, name: str) -> str:
    """A row of ours; every word is one of this file."""
    return (
        f"INSERT INTO {PARENT} (merchant_id, id, state, amount, name) "  # nosec B608
        f"VALUES ('m', {id_}, '{state}', {amount}, '{name}')"
    )


def unique_keys(ground: Ground) -> str:
    """Write a key twice, and a named unique column twice."""
    with _tables(ground) as one:
        refused(one, _insert(1, "closed", 6, "two"), "conformance_once", "23505")
        return refused(one, _insert(2, "closed", 6, "one"), "conformance_named_once", "23505")


def partial_unique_indexes(ground: Ground) -> str:
    """Write a second open row, and a second one that is not open."""
    with _tables(ground) as one:
        said = refused(one, _insert(2, "open", 5, "two"), "conformance_open_once", "23505")
        one.do(_insert(3, "closed", 5, "three"))
        seen = f"UPDATE {PARENT} SET state = 'open' WHERE id = 3"  # nosec B608
        refused(one, seen, "conformance_open_once", "23505")
    return said


def foreign_keys(ground: Ground) -> str:
    """Write a child without a parent, and remove a parent that has one."""
    with _tables(ground) as one:
        child = f"INSERT INTO {CHILD} (merchant_id, id) VALUES ('m', {{}})"  # nosec B608
        said = refused(one, child.format(7), "conformance_of_a_parent", "23503")
        one.do(child.format(1))
        refused(one, f"DELETE FROM {PARENT}", "conformance_of_a_parent", "23503")  # nosec B608
    return said


def checks_of_rows(ground: Ground) -> str:
    """Write a row that a CHECK forbids, and change one so."""
    with _tables(ground) as one:
        refused(one, _insert(2, "open", 0, "two"), "conformance_positive", "23514")
        return refused(one, f"UPDATE {PARENT} SET amount = -1", "conformance_positive", "23514")  # nosec B608


def on_conflict(ground: Ground) -> str:
    """Write a row that is there, leaving it, and changing it under a condition."""
    with _tables(ground) as one:
        again = _insert(1, "open", 5, "one")
        left = one.touch(f"{again} ON CONFLICT DO NOTHING")
        raised = f"{again} ON CONFLICT (merchant_id, id) DO UPDATE SET amount = {PARENT}.amount + 1"
        first = one.rows(f"{raised} WHERE {PARENT}.amount < 6 RETURNING amount")
        second = one.rows(f"{raised} WHERE {PARENT}.amount < 6 RETURNING amount")
    require((left, first, second) == (0, [(6,)], []), f"ON CONFLICT answered {left}, {first}, {second}.")
    return "leaves, and changes under a condition"


def savepoints(ground: Ground) -> str:
    """Roll back to a savepoint, also after an error, and commit the rest."""
    with _tables(ground) as one:
        one.do("BEGIN", _insert(2, "closed", 6, "two"), "SAVEPOINT payonce")
        refused(one, _insert(1, "closed", 6, "three"), "conformance_once", "23505")
        one.do("ROLLBACK TO SAVEPOINT payonce", "RELEASE SAVEPOINT payonce", "COMMIT")
        found = one.rows(f"SELECT id FROM {PARENT} ORDER BY id")  # nosec B608
    require(found == [(1,), (2,)], f"What was written before a savepoint is lost: {found}.")
    return "what stands before it is kept"


def read_only(ground: Ground) -> str:
    """Write in a transaction that only reads."""
    with _tables(ground) as one:
        one.do("BEGIN READ ONLY")
        try:
            one.do(_insert(2, "closed", 6, "two"))
        except Error as error:
            require(error.sqlstate == "25006", f"A write that only reads is answered by {error.sqlstate}.")
        else:
            raise NotKept("A transaction that only reads has written.")
    return "refuses to write with 25006"


CHECKS: Final[tuple[Check[Ground], ...]] = (
    Check("unique_keys", PART, "what is there once is refused a second time, by name", unique_keys),
    Check("partial_unique_indexes", PART, "of the rows in some state there is one", partial_unique_indexes),
    Check("foreign_keys", PART, "nothing stands without what it belongs to", foreign_keys),
    Check("checks_of_rows", PART, "a row that must not be is refused, by name", checks_of_rows),
    Check("on_conflict", PART, "who writes second leaves or changes what is there", on_conflict),
    Check("savepoints", PART, "a transaction of the application's can be joined", savepoints),
    Check("read_only", PART, "reading a status can change nothing", read_only),
)
