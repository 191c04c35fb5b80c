"""What is owed, delivered by two workers: signed webhooks to a receiver on this machine, and transactional handlers.

The rate is that of the rows themselves: how many were done between the first `done_at` and the last.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import service
from benchmarks.place import Place
from benchmarks.service import SIGNING, environment, free_port, payonce
from benchmarks.worker import KIND

# Everything must be delivered within this time, or nothing was measured.
PATIENCE_SECONDS = 300.0


def webhooks(place: Place, effects: int, workers: int = 2) -> float:
    """Signed webhooks a second, each delivered once and seen by the receiver."""
    _owe(place, effects)
    port = free_port()
    words = [sys.executable, "-m", "benchmarks.receiver", str(port), SIGNING]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="payonce-bench-receiver-")))
        stack.enter_context(service.running(words, folder, environment(), port, "/"))
        told = {**service.switches("deliver"), "PAYONCE_WEBHOOK_URL": f"http://127.0.0.1:{port}/told"}
        stack.enter_context(payonce(place.dsn(), workers, **told))
        rate = _wait(place, effects)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            came = json.load(answer)
    if came != {"came": effects, "different": effects, "forged": 0}:
        raise RuntimeError(f"{effects} were owed, and the receiver saw {came}")
    return rate


def transactional(place: Place, effects: int, workers: int = 2) -> float:
    """Transactional handlers a second: each writes its row in the transaction that marks it done."""
    _owe(place, effects)
    place.execute("CREATE TABLE bench_done (key text PRIMARY KEY)", database="bench")
    place.rows("WITH moved AS (UPDATE effects SET kind = %s RETURNING 1) SELECT count(*) FROM moved", KIND)
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(_worker(place))
        rate = _wait(place, effects)
    [(wrote,)] = place.rows("SELECT count(*) FROM bench_done")
    if wrote != effects:
        raise RuntimeError(f"{effects} were owed, and the handler wrote {wrote}")
    return rate


def _owe(place: Place, effects: int) -> None:
    place.fresh()
    for first in range(1, effects, 1000):
        place.rows("SELECT floor_set(%s, %s)", first, min(1000, effects - first + 1))
    place.execute("VACUUM (ANALYZE) effects", database="bench")


def _wait(place: Place, effects: int) -> float:
    deadline = time.monotonic() + PATIENCE_SECONDS
    open_still = "SELECT count(*) FROM effects WHERE state IN ('pending', 'claimed', 'failed')"
    while place.rows(open_still) != [(0,)]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {PATIENCE_SECONDS:g} s of {effects} effects are open: {place.rows(open_still)}")
        time.sleep(0.1)
    [(done, seconds)] = place.rows(
        "SELECT count(*), extract(epoch FROM max(done_at) - min(done_at))::float8 FROM effects WHERE state = 'done'"
    )
    if done != effects:
        raise RuntimeError(f"of {effects} effects {done} are done")
    return float(done / seconds)


@contextmanager
def _worker(place: Place) -> Iterator[None]:
    words = [sys.executable, "-m", "benchmarks.worker", place.dsn()]
    with tempfile.TemporaryDirectory(prefix="payonce-bench-worker-") as folder:
        told = environment()
        with subprocess.Popen(
            words, cwd=folder, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as worker:
            try:
                yield
            finally:
                worker.terminate()
                worker.wait(60)
