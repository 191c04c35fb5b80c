"""`python -m tests.fuzz.one TARGET RUNS SEEDS REPORT`: fuzz one target in this process; run by `python -m tests.fuzz`.

An input that breaks a promise is counted and kept, and the fuzzer goes on. The report is written again and again, so
that it is there however the process ends.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

# Takes any bytes and says how many were accepted; raises where a promise is broken.
Target = Callable[[bytes], int]

LONGEST_INPUT_BYTES: Final = 4096
MOST_KEPT: Final = 10
# So often the report is written and the memory looked at.
EVERY: Final = 5_000
MIB: Final = 1024 * 1024


@dataclass
class Tally:
    """What came of the inputs. Memory is the largest that the process held, in MiB: after the first part, and now."""

    inputs: int = 0
    accepted: int = 0
    exceptions: int = 0
    memory_early: float = 0.0
    memory: float = 0.0
    kept: list[dict[str, str]] = field(default_factory=list)


def peak_mib() -> float:
    """The largest resident set of this process so far. What Linux counts for `getrusage` begins with the parent's."""
    status = Path("/proc/self/status")
    for line in status.read_text("ascii", "replace").splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (MIB if sys.platform == "darwin" else 1024), 1)


class Trial:
    """One target and what came of the inputs that it was given."""

    def __init__(self, work: Target, runs: int, report: Path) -> None:
        self.tally = Tally()
        self._work, self._runs, self._report = work, runs, report

    def once(self, data: bytes) -> None:
        """Try one input, and write the report from time to time."""
        tally = self.tally
        tally.inputs += 1
        try:
            accepted = self._work(data)
        except Exception as error:
            tally.exceptions += 1
            keep(tally, data, f"{type(error).__name__}: {error}"[:300])
        else:
            tally.accepted += accepted
            if accepted:
                keep(tally, data, "accepted")
        if tally.inputs % EVERY == 0 or tally.inputs >= self._runs:
            tally.memory = peak_mib()
            if tally.inputs <= max(EVERY, self._runs // 10):
                tally.memory_early = tally.memory
            self._report.write_text(json.dumps(asdict(tally)), "utf-8")


def main() -> None:
    """Fuzz until the runs are done. The fuzzer ends the process."""
    name, runs, seeds, report = sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    # Not a package of the environment that checks types; see requirements/fuzz.txt.
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["payonce"]):
        targets: Any = importlib.import_module("tests.fuzz.targets")
        plants: Any = importlib.import_module("tests.fuzz.plants")
    trial = Trial({**targets.TARGETS, **plants.PLANTS}[name](), runs, report)

    # What is found to be new goes to the first folder, which is thrown away; the seeds are only read.
    found = tempfile.mkdtemp(prefix="payonce-fuzz-")
    options = [f"-runs={runs}", f"-max_len={LONGEST_INPUT_BYTES}", "-verbosity=0", "-timeout=60", "-rss_limit_mb=0"]
    atheris.Setup([sys.argv[0], *options, found, seeds], trial.once)
    atheris.Fuzz()


def keep(tally: Tally, data: bytes, why: str) -> None:
    """Keep the first few inputs that broke something."""
    if len(tally.kept) < MOST_KEPT:
        tally.kept.append({"why": why, "input": data.hex()})


if __name__ == "__main__":
    main()
