"""Two files of any number of payments, with differences of every class but one planted, and their comparison.

    python -m benchmarks.big_files compare FOLDER 512MB

Each comparison runs in a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb

from payonce.batch.compare import Span, compare
from payonce.batch.duck import DuckEngine, memory_mb
from payonce.batch.ours_file import read_ours
from payonce.batch.theirs_file import read_theirs

DAY: Final = date(2026, 11, 19)
FROM: Final = datetime(2026, 11, 19, tzinfo=UTC)
# Ten of each class, by the remainder of a payment's number.
PLANTED: Final = {"differs": 1, "only_there": 2, "only_here": 3, "duplicate": 4}
EACH: Final = 10

_NAME: Final = "'payment_intent' AS object_kind, 'pi_' || md5(n::VARCHAR)"
_CURRENCY: Final = "CASE n % 2 WHEN 0 THEN 'USD' ELSE 'JPY' END AS currency"
_TIME: Final = "TIMESTAMPTZ '2026-11-19 00:00:00+00' + to_microseconds(n * 82800000000 // {payments})"
_OURS: Final = f"""
COPY (
    SELECT 'capture' AS what, {_NAME} AS object_ref, 'charge' AS nature,
        100 + n % 900 + CASE n % {{step}} WHEN 1 THEN 1 ELSE 0 END AS minor, {_CURRENCY}, NULL::VARCHAR AS status,
        {_TIME} AS seen_at, {_TIME} AS moved_at, md5('o' || n)::UUID::VARCHAR AS order_id,
        md5('a' || n)::UUID::VARCHAR AS attempt_id, NULL::VARCHAR AS capture_kind, NULL::VARCHAR AS capture_ref
    FROM range({{payments}}) AS t (n)
    WHERE n % {{step}} <> 2
    UNION ALL
    SELECT 'attempt', NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, md5('o' || n)::UUID::VARCHAR,
        md5('a' || n)::UUID::VARCHAR, NULL, NULL
    FROM range({{payments}}) AS t (n)
    UNION ALL
    SELECT 'extract', 'stripe', 'main', NULL, 0, NULL, NULL, TIMESTAMPTZ '2026-11-20 12:00:00+00', NULL, NULL, NULL,
        NULL, NULL
) TO '{{path}}' (COMPRESSION zstd)
"""
_THEIRS: Final = f"""
COPY (
    SELECT 'txn_' || n || '_' || again AS record, DATE '2026-11-19' AS day, 'charge' AS nature, {_NAME} AS object,
        100 + n % 900 AS amount_minor, {_CURRENCY}, {_TIME} AS time,
        CASE n % {{step}} WHEN 2 THEN md5('a' || n)::UUID::VARCHAR END AS attempt
    FROM range({{payments}}) AS t (n)
    CROSS JOIN range(2) AS u (again)
    WHERE n % {{step}} <> 3 AND (again = 0 OR n % {{step}} = 4)
) TO '{{path}}' (COMPRESSION zstd)
"""


def make_files(folder: Path, payments: int) -> None:
    """Write both sides; `payments` is a multiple of a hundred."""
    with duckdb.connect() as connection:
        connection.execute("SET preserve_insertion_order = false")
        for name, sql in (("ours", _OURS), ("theirs", _THEIRS)):
            path = folder / f"{name}.parquet"
            connection.execute(sql.format(payments=payments, step=payments // EACH, path=path))


def compare_files(folder: Path, memory: str | None) -> dict[str, Any]:
    """Compare them in this process: seconds, seconds of processors, and whether exactly the planted was found."""
    began, cpu = time.perf_counter(), time.process_time()
    with DuckEngine(memory=None if memory is None else memory_mb(memory), spill=folder) as engine:
        of = read_ours(engine, folder / "ours.parquet")
        read_theirs(engine, folder / "theirs.parquet", of.source)
        span = Span(DAY, DAY, of.now, FROM - timedelta(hours=2), FROM + timedelta(hours=26))
        found = compare(engine, of.source, span)
        counts: dict[str, int] = {}
        for line in found.lines():
            counts[line.line_class] = counts.get(line.line_class, 0) + 1
    return {
        "seconds": round(time.perf_counter() - began, 2), "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_mb": _peak_mb(),
        "found_exactly_the_planted": counts == dict.fromkeys(PLANTED, EACH),
    }  # fmt: skip


def _peak_mb() -> int:
    """The most that this process took. Linux counts its parent's as its own elsewhere (`ru_maxrss`)."""
    status = Path("/proc/self/status")
    if status.exists():
        return round(next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line) / 1024)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2)


def compare_apart(folder: Path, memory: str | None) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.big_files", "compare", str(folder), memory or ""]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(told.stdout)
    return figures


def main() -> None:
    """`compare FOLDER [MEMORY]`, or `make FOLDER PAYMENTS`."""
    word, folder, value = sys.argv[1:4]
    if word == "make":
        make_files(Path(folder), int(value))
    else:
        print(json.dumps(compare_files(Path(folder), value or None)))


if __name__ == "__main__":
    main()
