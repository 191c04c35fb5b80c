"""Secrets that the installation made for itself and keeps in its data directory, readable by its owner alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from payonce.base.errors import Refused


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in the file, or a new one that is in it from now on. Two processes that start at once get the same.

    Raises Refused `data_dir_unwritable`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write(path, make())
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise Refused(
            f"{path} cannot be kept: {error.strerror or error}",
            code="data_dir_unwritable",
            hint="Set PAYONCE_API_KEY and PAYONCE_DATA_DIR; nothing else is written where DATABASE_URL is set.",
        ) from error


def _write(path: Path, secret: str) -> None:
    # Written beside and linked: the name appears with its whole content or not at all, and the first one stays.
    # A name of its own for each writer, of threads of one process as well; readable by the owner alone (0600).
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret + "\n")
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
