"""Simulated orders a second, over real SQL, on all cores: the batch that `python -m payonce.simulation` plays."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile

from benchmarks.service import environment


def orders_per_second(seeds: int, day: str) -> float:
    """Orders a second of the first so many seeds of such days, a process on each core. Raises RuntimeError when a
    promise was broken."""
    words = [sys.executable, "-m", "payonce.simulation", "--seeds", f"1:{seeds}", "--day", day]
    words += ["--provider", "tests.simulation.stripe:adapter"]
    with tempfile.TemporaryDirectory(prefix="payonce-bench-simulation-") as folder:
        done = subprocess.run(words, env=environment(), cwd=folder, text=True, capture_output=True, check=False)
    said = re.search(r"(\d+) orders/s", done.stdout)
    if done.returncode or said is None:
        raise RuntimeError(f"the simulation failed: {done.stdout[-500:]}{done.stderr[-1000:]}")
    return float(said[1])
