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
# As in the migrations: named, and written in one statement.
_MAKE: Final = (
    """CREATE TABLE payonce_conformance_parents (
        merchant_id text NOT NULL, id integer NOT NULL, state text NOT NULL, amount bigint NOT NULL, name text,
        CONSTRAINT conformance_once PRIMARY KEY (merchant_id, id),
        CONSTRAINT conformance_positive CHECK (amount > 0),
        CONSTRAINT conformance_named_once UNIQUE (merchant_id, name)
    )""",
    """CREATE UNIQUE INDEX conformance_open_once ON payonce_conformance_parents (merchant_id, amount)
    WHERE state = 'open'""",
    """CREATE TABLE payonce_conformance_children (
        merchant_id text NOT NULL, id integer NOT NULL,
        CONSTRAINT conformance_of_a_parent FOREIGN KEY (merchant_id, id)
            REFERENCES payonce_conformance_parents (merchant_id, id)
    )""",
    "INSERT INTO payonce_conformance_parents (merchant_id, id, state, amount, name) VALUES ('m', 1, 'open', 5, 'one')",
)
_DROP: Final = (
    "DROP TABLE IF EXISTS payonce_conformance_children", "DROP TABLE IF EXISTS payonce_conformance_parents",
)  # fmt: skip


@contextmanager
def _tables(ground: Ground) -> Iterator[Session]:
    with ground.sessions(1) as (one,):
        one.do(*_DROP, *_MAKE)
        try:
            yield one
        finally:
            one.do(
                "ROLLBACK",
                "DROP TABLE IF EXISTS payonce_conformance_children",
                "DROP TABLE IF EXISTS payonce_conformance_parents",
            )


def refused(session: Session, rule: str, state: str, text: str, *values: object) -> str:
    """See that the statement is refused by the rule of that name. Raises NotKept."""
    try:
        session.touch(text, *values)
    except Error as error:
        found = error.diag.constraint_name
        require(error.sqlstate == state, f"{rule} was broken, and the answer is {error.sqlstate} instead of {state}.")
        require(found == rule, f"{rule} was broken, and the answer names {found!r}: nobody can tell what it means.")
        return f"refused by {rule}"
    raise NotKept(f"{rule} does not refuse what it must.")


_UNIQUE, _FOREIGN, _CHECKED = "23505", "23503", "23514"
_INSERT: Final = (
    "INSERT INTO payonce_conformance_parents (merchant_id, id, state, amount, name) VALUES ('m', %s, %s, %s, %s)"
)
_LEAVE: Final = f"{_INSERT} ON CONFLICT DO NOTHING"
_RAISE: Final = (
    "INSERT INTO payonce_conformance_parents (merchant_id, id, state, amount, name) VALUES ('m', %s, %s, %s, %s) "
    "ON CONFLICT (merchant_id, id) DO UPDATE SET amount = payonce_conformance_parents.amount + 1 "
    "WHERE payonce_conformance_parents.amount < 6 RETURNING amount"
)
_CHILD: Final = "INSERT INTO payonce_conformance_children (merchant_id, id) VALUES ('m', %s)"
_REOPEN: Final = "UPDATE payonce_conformance_parents SET state = 'open' WHERE id = 3"
_ONE: Final = (1, "open", 5, "one")


def unique_keys(ground: Ground) -> str:
    """Write a key twice, and a named unique column twice."""
    with _tables(ground) as one:
        refused(one, "conformance_once", _UNIQUE, _INSERT, 1, "closed", 6, "two")
        return refused(one, "conformance_named_once", _UNIQUE, _INSERT, 2, "closed", 6, "one")


def partial_unique_indexes(ground: Ground) -> str:
    """Write a second open row, and a second one that is not open, which is opened later."""
    with _tables(ground) as one:
        refused(one, "conformance_open_once", _UNIQUE, _INSERT, 2, "open", 5, "two")
        one.touch(_INSERT, 3, "closed", 5, "three")
        return refused(one, "conformance_open_once", _UNIQUE, _REOPEN)


def foreign_keys(ground: Ground) -> str:
    """Write a child without a parent, and remove a parent that has one."""
    with _tables(ground) as one:
        refused(one, "conformance_of_a_parent", _FOREIGN, _CHILD, 7)
        one.touch(_CHILD, 1)
        return refused(one, "conformance_of_a_parent", _FOREIGN, "DELETE FROM payonce_conformance_parents")


def checks_of_rows(ground: Ground) -> str:
    """Write a row that a CHECK forbids, and change one so."""
    with _tables(ground) as one:
        refused(one, "conformance_positive", _CHECKED, _INSERT, 2, "open", 0, "two")
        return refused(one, "conformance_positive", _CHECKED, "UPDATE payonce_conformance_parents SET amount = -1")


def on_conflict(ground: Ground) -> str:
    """Write a row that is there, leaving it, and changing it under a condition."""
    with _tables(ground) as one:
        left = one.touch(_LEAVE, *_ONE)
        first, second = one.rows(_RAISE, *_ONE), one.rows(_RAISE, *_ONE)
    require((left, first, second) == (0, [(6,)], []), f"ON CONFLICT answered {left}, {first}, {second}.")
    return "leaves, and changes under a condition"


def savepoints(ground: Ground) -> str:
    """Roll back to a savepoint, also after an error, and commit the rest."""
    with _tables(ground) as one:
        one.do("BEGIN")
        one.touch(_INSERT, 2, "closed", 6, "two")
        one.do("SAVEPOINT payonce")
        refused(one, "conformance_once", _UNIQUE, _INSERT, 1, "closed", 6, "three")
        one.do("ROLLBACK TO SAVEPOINT payonce", "RELEASE SAVEPOINT payonce", "COMMIT")
        found = one.rows("SELECT id FROM payonce_conformance_parents ORDER BY id")
    require(found == [(1,), (2,)], f"What was written before a savepoint is lost: {found}.")
    return "what stands before it is kept"


def read_only(ground: Ground) -> str:
    """Write in a transaction that only reads."""
    with _tables(ground) as one:
        one.do("BEGIN READ ONLY")
        try:
            one.touch(_INSERT, 2, "closed", 6, "two")
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
