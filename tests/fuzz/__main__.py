"""`python -m tests.fuzz`: fuzz every target on all cores, and end with one line of figures.

`--budget N` inputs are shared among the targets; `--only WORD` takes those whose names contain it; `--report PATH` gets
the figures as JSON. Planted targets come first. Exit code 1 when anything was accepted, raised, or grew, or a planted
mistake was not reported; 2 where there is no fuzzer for this platform: nothing stands in for it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.attacks.corpora.bodies import BODIES
from tests.fuzz.one import LONGEST_INPUT_BYTES, Tally
from tests.fuzz.plants import EXPECTED, PLANTS
from tests.fuzz.targets import TARGETS
from tests.support.reports import write_report

# How much more memory a target may hold at its end than after its first tenth: the fuzzer keeps what it finds.
FLAT_MIB: Final = 256.0
# Enough for each planted mistake to show, in a second or two.
PLANT_RUNS: Final = 10_000
WORDS: Final = (
    "t=1795176000,v1=00", "t=1795176000,v1=00,v1=11", "v1,AAAA", "00" * 64,
    'port = 9000\n[jobs]\nclose = "off"\n', '[[accounts]]\nprovider = "stripe"\n',
    '{"reference":"a","purpose":"b","amount_minor":1,"currency":"USD","payer":{"reference":"c"}}',
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "ord_00000000000000000000000000",
    '{"return_code":1,"order_url":"https://x.example"}', "text/html;q=0.9,*/*;q=nan",
)  # fmt: skip


def main() -> int:
    """Fuzz what the command line asks for; its exit code."""
    asked = _parser().parse_args()
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write("There is no atheris here: it has no package for this platform. Nothing was fuzzed.\n")
        return 2
    names = [name for name in TARGETS if asked.only in name]
    runs, began = max(1, asked.budget // len(names)), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="payonce-fuzz-") as folder:
        seeds = _seeds(Path(folder))
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            planted = list(pool.map(lambda name: _fuzz(name, PLANT_RUNS, seeds, Path(folder)), PLANTS))
            done = pool.map(lambda name: _fuzz(name, runs, seeds, Path(folder)), names)
            tallies = dict(zip(names, done, strict=True))
    unreported = not_reported(dict(zip(PLANTS, planted, strict=True)), PLANT_RUNS)
    told = figures(tallies, runs, time.perf_counter() - began, unreported)
    write_report(asked.report, told)
    for word in ("grew", "ended_early", "plants_not_reported"):
        if told[word]:
            sys.stderr.write(f"{word}: {', '.join(told[word])}\n")
    sys.stdout.write(told["summary"] + "\n")
    return 1 if unreported or any(wrong_with(tally, runs) for tally in tallies.values()) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz what reads bytes of strangers.")
    parser.add_argument("--budget", type=int, default=200_000, help="how many inputs, over all targets")
    parser.add_argument("--only", default="", metavar="WORD", help="only targets whose names contain it")
    parser.add_argument("--report", type=Path, help="where to write the figures as JSON")
    return parser


def _seeds(folder: Path) -> Path:
    """What the fuzzer begins with: the corpus of bodies, and words of each language that is read."""
    seeds = folder / "seeds"
    seeds.mkdir()
    small = [body.data for body in BODIES if len(body.data) <= LONGEST_INPUT_BYTES]
    for number, data in enumerate([*small, *(word.encode() for word in WORDS)]):
        (seeds / str(number)).write_bytes(data)
    return seeds


def _fuzz(name: str, runs: int, seeds: Path, folder: Path) -> Tally:
    report = folder / f"{name}.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.one", name, str(runs), str(seeds), str(report)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(report.read_text("utf-8")) if report.exists() else {}
    tally = Tally(**told)
    if done.returncode != 0 or not told:
        tally.exceptions += 1
        tally.kept.append({"why": f"the process ended with {done.returncode}: {done.stderr[-2000:]}", "input": ""})
    sys.stderr.write(
        f"{name}: {tally.inputs} inputs, {tally.accepted} accepted, {tally.exceptions} exceptions, "
        f"{tally.memory:.0f} MiB\n"
    )
    if name not in PLANTS:
        sys.stderr.writelines(f"  {each['why']}  {each['input'][:200]}\n" for each in tally.kept)
    return tally


def wrong_with(tally: Tally, runs: int) -> list[str]:
    """What of a target's inputs must be told of; nothing, where all is well."""
    found = {
        "accepted": tally.accepted > 0, "exceptions": tally.exceptions > 0,
        "grew": tally.memory - tally.memory_early > FLAT_MIB, "ended early": tally.inputs < runs * 0.99,
    }  # fmt: skip
    return [word for word, is_so in found.items() if is_so]


def not_reported(planted: dict[str, Tally], runs: int) -> list[str]:
    """The planted mistakes of which the fuzzer said nothing, or not what they are."""
    return [name for name, word in EXPECTED.items() if wrong_with(planted[name], runs) != [word]]


def figures(tallies: dict[str, Tally], runs: int, seconds: float, unreported: list[str]) -> dict[str, Any]:
    """What the report says."""
    inputs, accepted, exceptions = (
        sum(getattr(tally, word) for tally in tallies.values()) for word in ("inputs", "accepted", "exceptions")
    )
    grew, short = (
        [name for name, tally in tallies.items() if word in wrong_with(tally, runs)] for word in ("grew", "ended early")
    )
    peak = max(tally.memory for tally in tallies.values())
    return {
        "summary": f"{len(tallies)} targets, {inputs} inputs, {accepted} accepted, {exceptions} exceptions, "
        f"{peak:.0f} MiB at most, {len(EXPECTED) - len(unreported)} of {len(EXPECTED)} planted mistakes reported, "
        f"{seconds:.0f} s",
        "inputs": inputs, "accepted": accepted, "exceptions": exceptions, "peak_memory_mib": peak, "grew": grew,
        "ended_early": short, "plants": len(EXPECTED), "plants_not_reported": unreported, "seconds": round(seconds),
        "targets": {name: vars(tally) for name, tally in tallies.items()},
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
