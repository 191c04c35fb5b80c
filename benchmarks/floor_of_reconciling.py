"""The floor of reconciling in the database: COPY of the same records into a bare table, and plain anti-joins with ours.

No names of differences, no place to go on from, no other days, one statement that cannot be stopped: what the server
needs at least to load the rows and to find which of them have no equal.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psycopg

BLOCK: Final = 1 << 20
_COLUMNS: Final = "object_kind, object_ref, object_minor, object_currency"
_TABLE: Final = """
CREATE TABLE floor_records (
    object_kind text NOT NULL,
    object_ref text NOT NULL,
    object_minor bigint NOT NULL,
    object_currency text NOT NULL
)
"""
_THEIRS: Final = """
SELECT count(*)
FROM floor_records AS t
WHERE NOT EXISTS (
    SELECT 1
    FROM captures AS c
    WHERE c.kind = t.object_kind
        AND c.ref = t.object_ref
        AND c.captured_minor = t.object_minor
        AND c.currency = t.object_currency
)
"""
_OURS: Final = """
SELECT count(*)
FROM captures AS c
WHERE NOT EXISTS (
    SELECT 1
    FROM floor_records AS t
    WHERE t.object_kind = c.kind
        AND t.object_ref = c.ref
)
"""


def measure_floor(dsn: str) -> dict[str, float | int]:
    """Seconds of COPY and of both joins, and how many rows have no equal. Leaves nothing."""
    with TemporaryDirectory(prefix="payonce-floor-") as folder, psycopg.connect(dsn, autocommit=True) as connection:
        path = Path(folder, "records.csv")
        with path.open("wb") as file, connection.cursor() as cursor:
            with cursor.copy(f"COPY (SELECT {_COLUMNS} FROM money_records) TO STDOUT WITH (FORMAT csv)") as copy:
                for block in copy:
                    file.write(block)
        connection.execute(_TABLE)
        began = time.perf_counter()
        with path.open("rb") as file, connection.cursor() as cursor:
            with cursor.copy(f"COPY floor_records ({_COLUMNS}) FROM STDIN WITH (FORMAT csv)") as copy:
                while block := file.read(BLOCK):
                    copy.write(block)
        copied = time.perf_counter() - began
        began = time.perf_counter()
        [(theirs,)] = connection.execute(_THEIRS).fetchall()
        [(ours,)] = connection.execute(_OURS).fetchall()
        joined = time.perf_counter() - began
        connection.execute("DROP TABLE floor_records")
    return {"copied_seconds": round(copied, 2), "joined_seconds": round(joined, 2), "unlike": theirs + ours}
