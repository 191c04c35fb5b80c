"""Which test names which requirement row. `python -m tests.project.rows` prints the table.

A test names a row by its id in its docstring (`B6: …`), each id by itself, so that `git grep -w B6` finds the proof.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from tests.project.tree import modules

# The last number of each group of rows in the requirements.
LAST: Final = {"A": 20, "B": 17, "C": 23, "D": 16, "E": 20, "X": 16}
ROWS: Final = tuple(f"{letter}{number}" for letter, last in LAST.items() for number in range(1, last + 1))

_NAMED: Final = re.compile(r"\b[A-EX][1-9][0-9]?\b")


def docstrings() -> Iterator[tuple[str, str]]:
    """(test, docstring) of every test function, and of every class and module of tests, that has one."""
    for path, tree in modules("tests"):
        if not path.name.startswith("test_"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
                text = ast.get_docstring(node)
                if text is not None:
                    yield f"{path}::{node.name}" if not isinstance(node, ast.Module) else str(path), text


def proofs() -> dict[str, list[str]]:
    """Each row id that some test names -> those tests, sorted. An id that no requirement has is kept, to be found."""
    found: dict[str, set[str]] = defaultdict(set)
    for test, text in docstrings():
        if "::test_" in test:
            for row in _NAMED.findall(text):
                found[row].add(test)
    return {row: sorted(tests) for row, tests in found.items()}


def main() -> None:
    """Print every row with the tests that name it, and how many rows have one."""
    named = proofs()
    for row in ROWS:
        first, *others = named.get(row, ["no test names it"])
        print(f"{row:<4} {first}")
        for other in others:
            print(f"     {other}")
    print(f"\n{sum(row in named for row in ROWS)} of {len(ROWS)} rows are named by a test")


if __name__ == "__main__":
    main()
