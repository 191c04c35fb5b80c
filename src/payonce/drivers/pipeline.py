"""Many statements, one round trip: libpq's pipeline over a psycopg connection, the same for both kinds of connection.

psycopg's own `pipeline()` waits once per command and forgets every prepared statement at a ROLLBACK; here everything is
sent first, then everything is read. Between two round trips the connection is an ordinary psycopg connection again.
It knows nothing of transactions, never retries, and refuses missing and unknown parameters before it sends anything.
"""

from __future__ import annotations

import os
import re
import socket
from collections import namedtuple
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from time import monotonic
from typing import Any, Final, NamedTuple, TypeAlias

from psycopg import AsyncConnection, Connection, Error, OperationalError, pq
from psycopg.abc import PQGen
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.errors import Diagnostic, error_from_result
from psycopg.pq.abc import PGresult
from psycopg.types.json import JsonbBinaryDumper, JsonbDumper
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.waiting import Wait

from payonce.base.errors import Bug
from payonce.drivers.columns import PACKED, oid_of, packed, single_of
from payonce.drivers.plans import Plans
from payonce.store.database import Call, Row

AnyConnection: TypeAlias = "Connection[Any] | AsyncConnection[Any]"
# A statement's text and the types of its parameters: what the server prepares separately.
_Key: TypeAlias = tuple[bytes, tuple[int, ...]]
# What was turned into bytes already, by the object itself (which its call keeps alive) and by what it is sent as.
_Known: TypeAlias = "dict[tuple[int, str | None], tuple[Any, int, pq.Format]]"

_PARAMETER: Final = re.compile(r"%%|%\(([a-z][a-z0-9_]*)\)s(?:::([a-z]+)\[\])?")
_FINE: Final = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


class Reply(NamedTuple):
    """What one statement answered: its rows, how many rows it touched, and its command tag (`UPDATE 3`)."""

    rows: list[Row]
    affected: int
    tag: str


class _Command(NamedTuple):
    sql: bytes
    values: Sequence[Any]
    types: tuple[int, ...]
    formats: Sequence[pq.Format]


class Silence(OperationalError):
    """The server did not answer within the patience given; what it does meanwhile is unknown."""


class _Context:
    """How values become parameters: psycopg's ways with two of our own, without touching the connection's settings."""

    def __init__(self, connection: AnyConnection) -> None:
        self.connection = connection
        self.adapters = AdaptersMap(connection.adapters)
        # Left alone psycopg picks int2, int4 or int8 by the value, and each would be another statement to prepare.
        self.adapters.register_dumper(int, Int8BinaryDumper)
        # In an array psycopg looks for both forms.
        self.adapters.register_dumper(dict, JsonbDumper)
        self.adapters.register_dumper(dict, JsonbBinaryDumper)


class Pipeline:
    """One connection, as round trips. `wait` drives psycopg's generators; `prepare` keeps statements on the server."""

    # None: nobody says how long the server keeps plans.
    plans: Plans | None = None

    def __init__(
        self,
        connection: AnyConnection,
        wait: Callable[[PQGen[Any]], Awaitable[Any]],
        *,
        prepare: bool = True,
        plans: Plans | None = None,
    ) -> None:
        self.plans = plans
        self.warnings: list[str] = []
        self.connection = connection
        self._pg = connection.pgconn
        self._wait = wait
        self._prepare = prepare
        self._transformer = Transformer(_Context(connection))
        # An application's own connection may speak another encoding, which psycopg knows how to write.
        self._packs = connection.info.encoding == "utf-8"
        self._names: dict[_Key, bytes] = {}
        # How a row of the statement is made.
        self._makers: dict[bytes, Callable[[Sequence[Any]], Any]] = {}
        self._count = 0
        connection.add_notice_handler(self._notice)

    async def exchange(self, calls: Sequence[Call], *, patience_seconds: float | None = None) -> list[Reply]:
        """Send `calls`, read their answers. Raises the psycopg error of the first that failed (those behind it were not
        executed), and Silence when `patience_seconds` pass without the whole answer."""
        # Statements of a batch are handed the same columns and the same merchant; each value is turned into bytes once.
        known: _Known = {}
        commands = [self._command(query.sql, params, known) for query, params in calls]
        deadline = None if patience_seconds is None else monotonic() + patience_seconds
        self.warnings.clear()
        results: list[PGresult] = await self._wait(self._talk(commands, deadline))
        return [self._reply(command.sql, result) for command, result in zip(commands, results, strict=True)]

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self._pg.status == pq.ConnStatus.BAD

    @property
    def status(self) -> pq.TransactionStatus:
        """Where the server says that the transaction stands."""
        return pq.TransactionStatus(self._pg.transaction_status)

    def cut(self) -> None:
        """Drop the connection as a dying process would: nothing more is sent, not even what waits in the buffer."""
        if not self.is_lost:
            with suppress(OSError), socket.socket(fileno=os.dup(self._pg.socket)) as line:
                line.shutdown(socket.SHUT_RDWR)
        self._pg.finish()

    def forget_plans(self) -> None:
        """Prepare every statement anew when it is next used; the tables below have changed."""
        self._names.clear()
        self._makers.clear()

    def release(self) -> None:
        """Leave the connection to its owner."""
        self.connection.remove_notice_handler(self._notice)

    def _command(self, text: str, params: Mapping[str, object], known: _Known) -> _Command:
        sql, kinds = _compiled(text)
        if params.keys() != kinds.keys():
            raise Bug(f"the statement wants {sorted(kinds)} and was given {sorted(params)}: {text:.80}")
        if not kinds:
            return _Command(sql, (), (), ())
        dumped = []
        for name, kind in kinds.items():
            value = params[name]
            found = known.get((id(value), kind))
            if found is None:
                found = known[id(value), kind] = self._dump(value, kind)
            dumped.append(found)
        values, types, formats = zip(*dumped, strict=True)
        return _Command(sql, values, types, formats)

    def _dump(self, value: object, kind: str | None) -> tuple[Any, int, pq.Format]:
        """The value as a parameter, with its type and format."""
        if self._packs:
            if type(value) is list:
                if kind is not None:
                    return packed(kind, value), oid_of(kind), pq.Format.BINARY
            elif (single := single_of(value)) is not None:
                return single
        # A single text goes untyped, as in handwritten SQL.
        form = PyFormat.BINARY if isinstance(value, list) else PyFormat.AUTO
        [dumped] = self._transformer.dump_sequence([value], [form])
        [kind_of], [format_of] = self._transformer.types or (0,), self._transformer.formats or (pq.Format.TEXT,)
        return dumped, kind_of, format_of

    def _talk(self, commands: Sequence[_Command], deadline: float | None) -> PQGen[list[PGresult]]:
        results: list[PGresult] = []
        try:
            self._pg.enter_pipeline_mode()
            preparing = [key for command in commands for key in self._send(command)]
            self._pg.pipeline_sync()
            yield from self._flush(deadline)
            yield from self._read(results, deadline)
            self._pg.exit_pipeline_mode()
        except Error as loss:
            # The server's last words say more than "the connection is closed".
            raise _first_error(results) or loss from None
        self._remember(preparing, results)
        if error := _first_error(results):
            raise error
        return [result for key, result in zip(preparing, results, strict=True) if key is None]

    def _send(self, command: _Command) -> list[tuple[_Key, bytes] | None]:
        """Put one command into the buffer; what its answers will be answers to, in order: preparations or None."""
        if not self._prepare:
            self._pg.send_query_params(
                command.sql, command.values, command.types, command.formats, result_format=pq.Format.BINARY
            )
            return [None]
        key = (command.sql, command.types)
        name = self._names.get(key)
        expected: list[tuple[_Key, bytes] | None] = [None]
        if name is None:
            # Never a name twice: after an error the server may keep a statement that we do not remember.
            self._count += 1
            name = b"payonce_%d" % self._count
            self._pg.send_prepare(name, command.sql, command.types)
            expected = [(key, name), None]
        self._pg.send_query_prepared(name, command.values, command.formats, result_format=pq.Format.BINARY)
        return expected

    def _flush(self, deadline: float | None) -> PQGen[None]:
        while self._pg.flush():
            yield Wait.RW
            # Reading while writing, as libpq's manual asks: a server that waits for us to read does not read either.
            self._pg.consume_input()
            _check(deadline)

    def _read(self, results: list[PGresult], deadline: float | None) -> PQGen[None]:
        while True:
            while self._pg.is_busy():
                yield Wait.R
                self._pg.consume_input()
                _check(deadline)
            result = self._pg.get_result()
            if result is None:
                if self.is_lost:
                    raise OperationalError("the connection to the server is lost")
            elif result.status == pq.ExecStatus.PIPELINE_SYNC:
                return
            else:
                results.append(result)

    def _remember(self, preparing: Sequence[tuple[_Key, bytes] | None], results: Sequence[PGresult]) -> None:
        for prepared, result in zip(preparing, results, strict=True):
            if prepared is not None and result.status in _FINE:
                self._names[prepared[0]] = prepared[1]

    def _reply(self, sql: bytes, result: PGresult) -> Reply:
        rows: list[Row] = []
        if result.ntuples:
            make = self._makers.get(sql) if self._prepare else None
            if make is None:
                make = _row_of(tuple(result.fname(number) or b"" for number in range(result.nfields)))
                self._makers[sql] = make
            self._transformer.set_pgresult(result)
            rows = self._transformer.load_rows(0, result.ntuples, make)
        return Reply(rows, result.command_tuples or 0, (result.command_status or b"").decode())

    def _notice(self, diagnostic: Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            self.warnings.append(diagnostic.sqlstate or "")


@cache
def _compiled(text: str) -> tuple[bytes, dict[str, str | None]]:
    """The SQL with `$1`, `$2` ... for the names, and the names in that order, each with the type that its array is
    packed as, if it is one. A name used twice is one parameter.
    """
    kinds: dict[str, str | None] = {}

    def number(match: re.Match[str]) -> str:
        name, kind = match[1], match[2]
        if name is None:
            return "%"
        if kinds.setdefault(name, kind if kind in PACKED else None) != kind:
            # Cast in two ways, or not everywhere: psycopg says what it is.
            kinds[name] = None
        return f"${list(kinds).index(name) + 1}{'' if kind is None else f'::{kind}[]'}"

    return _PARAMETER.sub(number, text).encode(), kinds


@cache
def _row_of(columns: tuple[bytes, ...]) -> Callable[[Sequence[Any]], Any]:
    # `rename` gives an unnamed or doubled column a number instead of an error; such a column is read by position.
    names = [column.decode() for column in columns]
    kind: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]
    make: Callable[[Sequence[Any]], Any] = kind._make
    return make


def _first_error(results: Sequence[PGresult]) -> Error | None:
    failed = (result for result in results if result.status not in _FINE)
    error = next((error_from_result(result) for result in failed), None)
    if error is not None and error.diag.message_primary:
        # The rest quotes rows, with tokens and people in them, and errors are logged. `error.diag` still has it.
        error.args = (error.diag.message_primary,)
    return error


def _check(deadline: float | None) -> None:
    if deadline is not None and monotonic() > deadline:
        raise Silence("the server did not answer in time")
