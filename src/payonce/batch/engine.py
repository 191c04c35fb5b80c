"""What runs plain SQL over files: DuckDB on one machine, or whatever else speaks SQL and reads Parquet.

The statements that it is given only select, have no parameters, and use nothing that only one engine knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class BatchEngine(Protocol):
    """Named tables over files, and statements over named tables."""

    def register(self, name: str, path: Path) -> None:
        """Let `name` be the rows of a Parquet file. Raises Refused `batch_file_invalid`."""
        ...

    def given(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> None:
        """Let `name` be these few rows; `columns` are names and their types."""
        ...

    def keep(self, name: str, sql: str) -> int:
        """Let `name` be the rows of `sql`, worked out once; how many they are."""
        ...

    def view(self, name: str, sql: str) -> None:
        """Let `name` be the rows of `sql`, worked out where it is used."""
        ...

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """The rows of `sql`, a batch at a time in memory."""
        ...

    def arrow(self, sql: str) -> Any:
        """The rows of `sql` as an object with `__arrow_c_stream__`: pyarrow, polars and pandas take it as it is."""
        ...
