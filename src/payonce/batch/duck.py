"""The batch engine of one machine: DuckDB inside of this process, with a limit of memory and a place to spill to.

It loads no extension and asks no network for one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from payonce.base.errors import Bug, Refused

if TYPE_CHECKING:
    import duckdb

# Rows that are in Python's hands at a time.
BATCH: Final = 10_000
# What DuckDB counts as its own of the memory that the whole process may take: Python, buffers of reading and writing,
# and what it does not count are the rest. With 0.6 of 512 MB, 10M payments took up to 539 MB; with this 413, as fast.
SHARE: Final = 0.5
# Python and DuckDB take 150 MB for however little.
LEAST_MB: Final = 192
_SIZE: Final = re.compile(r"(\d+)\s*(MB|GB)", re.IGNORECASE)


def memory_mb(text: str) -> int:
    """`512MB` or `2GB` in MB. Raises Refused `setting_invalid`."""
    found = _SIZE.fullmatch(text.strip())
    mb = int(found[1]) * (1024 if found[2].upper() == "GB" else 1) if found else 0
    if mb < LEAST_MB:
        raise Refused(
            f"memory is a number of MB or GB, and at least {LEAST_MB}MB: {text!r:.40}", code="setting_invalid",
            param="memory", hint="Such as --memory 512MB.",
        )  # fmt: skip
    return mb


class DuckEngine:
    """`BatchEngine` on DuckDB. `memory`: MB that this process may take; without it what DuckDB takes by itself, four
    fifths of the machine. `spill`: the folder that holds what does not fit; without it a folder for temporary files.
    """

    def __init__(self, *, memory: int | None = None, spill: Path | None = None, threads: int | None = None) -> None:
        self._module = _duckdb()
        self._folder = TemporaryDirectory(prefix="payonce-spill-", dir=spill)
        config: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": self._folder.name,
            # Nothing here relies on the order of rows, and keeping it costs memory.
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        if memory is not None:
            config["memory_limit"] = f"{int(memory * SHARE)}MB"
        if threads is not None:
            config["threads"] = threads
        self._connection: duckdb.DuckDBPyConnection = self._module.connect(":memory:", config=config)
        self._connection.execute("SET TimeZone = 'UTC'")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything, and remove what was spilled."""
        self._connection.close()
        self._folder.cleanup()

    def register(self, name: str, path: Path) -> None:
        self.name(name, self.relation(path))

    def name(self, name: str, relation: duckdb.DuckDBPyRelation) -> None:
        """Let `name` be these rows, worked out where they are used."""
        relation.create_view(name)

    def relation(self, path: Path) -> duckdb.DuckDBPyRelation:
        """The rows of a Parquet file, or of a CSV file with all its columns as text. Raises Refused."""
        with self.told(str(path)):
            if path.suffix == ".csv":
                return self._connection.read_csv(str(path), header=True, all_varchar=True, delimiter=",")
            return self._connection.read_parquet(str(path))

    def spooled(self, paths: Sequence[Path], columns: Mapping[str, str]) -> duckdb.DuckDBPyRelation:
        """The rows of CSV files without headings that PostgreSQL wrote; nothing is guessed. Empty is NULL."""
        # It takes many files at once; its own types say one.
        files: Any = [str(path) for path in paths]
        return self._connection.read_csv(
            files, header=False, columns=dict(columns), auto_detect=False, delimiter=",", quotechar='"',
            escapechar='"', strict_mode=True, null_padding=False,
        )  # fmt: skip

    def given(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> None:
        path = Path(self._folder.name, f"given_{name}.csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        self.spooled([path], columns).create(name)
        path.unlink()

    def keep(self, name: str, sql: str) -> int:
        with self.told(name):
            self._connection.sql(sql).create(name)
        [(count,)] = self._connection.table(name).count("*").fetchall()
        return int(count)

    def view(self, name: str, sql: str) -> None:
        with self.told(name):
            self._connection.sql(sql).create_view(name)

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        with self.told("the answer"):
            result = self._connection.sql(sql)
            while batch := result.fetchmany(BATCH):
                yield from batch

    def arrow(self, sql: str) -> Any:
        return self._connection.sql(sql)

    def write(self, relation: duckdb.DuckDBPyRelation, path: Path) -> None:
        """Write a Parquet file. One that stops halfway is not there under this name."""
        halfway = path.with_name(path.name + ".part")
        try:
            with self.told(str(path)):
                relation.write_parquet(str(halfway), compression="zstd")
            halfway.replace(path)
        finally:
            halfway.unlink(missing_ok=True)

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """DuckDB's errors as ours."""
        try:
            yield
        except self._module.OutOfMemoryException as error:
            raise Refused(
                f"the memory does not suffice for {what}", code="batch_memory", param="memory",
                hint="Allow more with --memory, or name a folder with more room with --spill.",
            ) from error  # fmt: skip
        except (self._module.ParserException, self._module.BinderException, self._module.CatalogException) as error:
            raise Bug(f"a statement of {what} does not fit: {error}") from error
        except self._module.Error as error:
            [first, *_] = str(error).splitlines() or [""]
            raise Refused(
                f"{what} cannot be read: {first}"[:300], code="batch_file_invalid", param="file",
                hint="Files are Parquet, or CSV in UTF-8 with a heading and the ending .csv.",
            ) from error  # fmt: skip


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise Refused(
            "DuckDB is not installed.", code="batch_engine_missing", hint="Install payonce[batch]."
        ) from error
    return duckdb
