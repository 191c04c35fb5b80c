"""The files of the project as its tests see them: what is tracked, and what is new and not ignored.

New files count, so that a rule is broken before the commit and not after it.
"""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "src" / "payonce"


@cache
def files(under: str = ".") -> tuple[Path, ...]:
    """The files below `under` (a path from the root), sorted. In an archive without git: all that are there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", under],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        found = [path for path in (ROOT / under).rglob("*") if not _is_left_behind(path.relative_to(ROOT))]
    return tuple(sorted(path for path in set(found) if path.is_file()))


def texts(under: str = ".", *suffixes: str) -> list[tuple[Path, str]]:
    """(path from the root, content) of the text files below `under`; binary files are left out."""
    found = []
    for path in files(under):
        raw = path.read_bytes()
        if (not suffixes or path.suffix in suffixes) and b"\0" not in raw:
            found.append((path.relative_to(ROOT), raw.decode("utf-8")))
    return found


def modules(under: str) -> list[tuple[Path, ast.Module]]:
    """(path from the root, syntax tree) of the Python files below `under`."""
    return [(path, ast.parse(text, str(path))) for path, text in texts(under, ".py")]


def _is_left_behind(path: Path) -> bool:
    """Whether `path` is an environment, a cache or an editor's: a dot folder other than `.ci`, or compiled."""
    return any(part == "__pycache__" or (part.startswith(".") and part != ".ci") for part in path.parts[:-1])
