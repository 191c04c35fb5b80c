"""The numbered migrations as files: read, checked and split into statements. Knows no database.

A file `0002_what_it_does.sql` opens with `-- phase: pre` (before the new code runs, harmless to the old) or
`-- phase: post` (when no old code runs any more), and its reason. It is never changed once it has been released.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import Final, Literal, TypeAlias

from payonce.base.errors import Bug, ensure

FOLDER: Final = Path(__file__).parent / "migrations"
Phase: TypeAlias = Literal["pre", "post"]

_FILE: Final = re.compile(r"([0-9]{4})_([a-z][a-z0-9_]*)\.sql")
_PHASE: Final = re.compile(r"^-- phase: (pre|post)$", re.MULTILINE)
_REASON: Final = re.compile(r"^-- (?!phase:)\S+ \S+", re.MULTILINE)
# Whatever a semicolon inside of does not end a statement: strings, names, comments, and dollar-quoted bodies, which
# the portable schema does not have, but an operator's own migration may.
_TOKEN: Final = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|(\$[A-Za-z_]*\$).*?\1|;|[^'\"\-/$;]+|.", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema. `checksum` is of its text."""

    number: int
    name: str
    phase: Phase
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()

    def statements(self) -> list[str]:
        """The SQL statements, in order, with their comments and without semicolons."""
        return list(_split(self.text))


def read(folder: Path = FOLDER) -> Sequence[Migration]:
    """All migrations in order. Raises Bug for a gap, a doubled number, or a file without phase or reason."""
    found = [_read(path) for path in sorted(folder.glob("*.sql"))]
    numbers = [migration.number for migration in found]
    ensure(numbers == list(range(1, len(found) + 1)), f"migrations are numbered 1, 2, 3 …, not {numbers}")
    return found


def _read(path: Path) -> Migration:
    named = _FILE.fullmatch(path.name)
    if named is None:
        raise Bug(f"a migration is named 0001_like_this.sql, not {path.name}")
    text = path.read_text("utf-8")
    head = "\n".join(takewhile(lambda line: line.startswith("--"), text.splitlines()))
    phase = _PHASE.search(head)
    if phase is None:
        raise Bug(f"{path.name} does not say `-- phase: pre` or `-- phase: post` at its head")
    ensure(_REASON.search(head), f"{path.name} does not open with its reason")
    return Migration(int(named[1]), named[2], "pre" if phase[1] == "pre" else "post", text)


def _split(text: str) -> Iterator[str]:
    parts: list[str] = []
    has_words = False
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word == ";":
            if has_words:
                yield "".join(parts).strip()
            parts, has_words = [], False
        else:
            parts.append(word)
            has_words = has_words or not (word.isspace() or word.startswith(("--", "/*")))
    if has_words:
        yield "".join(parts).strip()
