"""Named queries from `.sql` files, read once. Refuses a file that is not in the agreed shape, naming file and line.

    -- name: lock_order
    -- Holds the order until COMMIT, so that two settlements of it queue up.
    SELECT order_id, state
    FROM orders
    WHERE order_id = %(order_id)s::uuid
    FOR UPDATE

One file per noun; the sentences between the name and the SQL say why the query exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from payonce.base.errors import Bug
from payonce.store.database import Query

FOLDER: Final = Path(__file__).parent
_NAME: Final = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\s*$")
_COMMENT: Final = re.compile(r"--[^\n]*")
_STRAY_PERCENT: Final = re.compile(r"(?<!%)(?:%%)*%(?![%]|\([a-z][a-z0-9_]*\)s)")


class Queries:
    """The queries of one file, as attributes: `orders.lock_order`."""

    def __init__(self, noun: str, found: dict[str, Query]) -> None:
        self._noun = noun
        self._found = found
        # Asked for twenty times by every event; `__getattr__` is left for what is not there.
        self.__dict__.update(found)

    def __getattr__(self, name: str) -> Query:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._found[name]
        except KeyError:
            raise AttributeError(f"{self._noun}.sql has no query named {name}") from None

    def __iter__(self) -> Iterator[Query]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)


@cache
def load(noun: str) -> Queries:
    """The queries of `store/<noun>.sql`. Raises Bug when the file is missing or malformed."""
    path = FOLDER / f"{noun}.sql"
    if not path.is_file():
        raise Bug(f"there is no {path.name} among the queries")
    return Queries(noun, parse(path.read_text("utf-8"), path.name))


def parse(text: str, file: str) -> dict[str, Query]:
    """The queries in `text` by name. Text before the first name is the tour of the file, comments only."""
    found: dict[str, Query] = {}
    for name, at, lines in _sections(text, file):
        why, sql = _split(lines)
        if name in found:
            raise Bug(f"{file}:{at}: a second query is named {name}")
        if not why:
            raise Bug(f"{file}:{at}: {name} does not say why it exists; a comment below its name should")
        if not sql:
            raise Bug(f"{file}:{at}: {name} has no SQL")
        if ";" in _COMMENT.sub("", sql):
            raise Bug(f"{file}:{at}: {name} must be one statement without a semicolon inside")
        if _STRAY_PERCENT.search(sql):
            raise Bug(f"{file}:{at}: {name} has a % that starts no %(parameter)s; the sign itself is written %%")
        found[name] = Query(f"{file.removesuffix('.sql')}.{name}", sql, why)
    return found


def _sections(text: str, file: str) -> Iterator[tuple[str, int, list[str]]]:
    name, at, lines = "", 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("-- name:"):
            match = _NAME.match(line)
            if match is None:
                raise Bug(f"{file}:{number}: a name is lower case with underscores: {line!r:.80}")
            if name:
                yield name, at, lines
            name, at, lines = match[1], number, []
        elif name:
            lines.append(line)
        elif line.strip() and not line.startswith("--"):
            raise Bug(f"{file}:{number}: SQL without a `-- name:` line above it")
    if name:
        yield name, at, lines


def _split(lines: list[str]) -> tuple[str, str]:
    why: list[str] = []
    rest = iter(lines)
    sql: list[str] = []
    for line in rest:
        if line.startswith("--"):
            why.append(line[2:].strip())
        elif line.strip():
            sql = [line, *rest]
    return " ".join(why), "\n".join(sql).strip().removesuffix(";").rstrip()
