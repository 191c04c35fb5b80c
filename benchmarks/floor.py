"""The floor: the wheel's own pgbench, one prepared call of a function per event (E), or per hundred events (S)."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.place import WORK, Place
from benchmarks.service import environment

# Each client has its own payments, so that none waits for another's row.
_ONE: Final = "\\set i :i + 1\n\\set n :first + :client_id * :span + :i - 1\nSELECT floor_one(:n);\n"
_SET: Final = "\\set n :first + :client_id * :span + :i * :many\n\\set i :i + 1\nSELECT floor_set(:n, :many);\n"


@dataclass(frozen=True, slots=True)
class Floor:
    """What pgbench measured: events settled a second, milliseconds of one call, and how many were settled."""

    rate: float
    latency_ms: float
    events: int


def measure(place: Place, *, clients: int, seconds: float, many: int = 1, orders: int, first: int = 1) -> Floor:
    """Settle the orders of the working database by `clients`, `many` in each call. Raises RuntimeError where they run
    out: then the server was faster than was expected, and nothing was measured."""
    with tempfile.TemporaryDirectory(prefix="payonce-bench-floor-") as folder:
        script = Path(folder, "floor.sql")
        script.write_text(_ONE if many == 1 else _SET)
        span = orders // clients
        words = [
            str(place.pgbench), "-n", "-h", place.socket_folder, "-U", "payonce", "-M", "prepared", "-c", str(clients),
            "-j", str(min(2, clients)), "-T", str(max(1, round(seconds))), "-D", "i=0", "-D", f"span={span}",
            "-D", f"many={many}", "-D", f"first={first}", "-f", str(script), WORK,
        ]  # fmt: skip
        done = subprocess.run(words, env=environment(), text=True, capture_output=True, check=False)
    said = re.search(r"latency average = ([\d.]+) ms[\s\S]*tps = ([\d.]+)", done.stdout)
    if said is None:
        raise RuntimeError(f"pgbench failed: {done.stdout}\n{done.stderr[-1000:]}")
    calls = int(re.findall(r"actually processed: (\d+)", done.stdout)[0])
    [(settled,)] = place.rows("SELECT count(*) FROM settlements WHERE order_id >= bench_id(0, %s)", first)
    if settled != calls * many:
        raise RuntimeError(f"of {calls * many} payments {settled} were settled; make more orders than {orders}")
    return Floor(float(said[2]) * many, float(said[1]), settled)
