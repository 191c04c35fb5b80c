"""Many seeds on all cores: one process each, with a database of its own on one server that is thrown away."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from itertools import islice

from payonce.base.errors import Refused
from payonce.drivers.pipeline import Pipeline
from payonce.simulation.day import ANY
from payonce.simulation.run import AdapterOf, Outcome, play
from payonce.simulation.server import create_database, one_line

_stack = ExitStack()
_lines: list[tuple[Pipeline, list[AdapterOf]]] = []


def find_all(names: Sequence[str]) -> list[AdapterOf]:
    """The factories that `module:function` name. Raises Refused `provider_unknown`."""
    return [find(name) for name in names]


def find(name: str) -> AdapterOf:
    """The factory that `module:function` names. Raises Refused `provider_unknown`."""
    module, _, function = name.partition(":")
    try:
        found: AdapterOf = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise Refused(
            f"there is no {name!r} that makes an account", code="provider_unknown", param="provider"
        ) from error
    return found


def play_seeds(
    seeds: Sequence[int],
    address: str,
    providers: Sequence[str],
    size: int,
    done: Callable[[Outcome], bool],
    *,
    day: str = ANY,
    fast: bool = False,
    stories: Sequence[str] | None = None,
) -> list[Outcome]:
    """Play all seeds; `done` is told each outcome as it comes, and says whether to go on. In the order of the seeds.
    `fast`: one after another in this process, each up to its first violation. `stories`: only these of every seed.
    """
    outcomes: dict[int, Outcome] = {}
    if fast:
        with one_line(create_database(address)) as line:
            for seed in seeds:
                outcomes[seed] = play(
                    seed, line, find_all(providers), stories=stories, size=size, day=day, stops_at_first=True
                )
                if not done(outcomes[seed]):
                    break
        return [outcomes[seed] for seed in sorted(outcomes)]
    context = multiprocessing.get_context("spawn")
    workers = min(os.cpu_count() or 1, len(seeds))
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(address, providers)) as pool:
        for outcome in _as_they_come(pool, seeds, partial(_play, size=size, day=day, stories=stories), workers):
            outcomes[outcome.seed] = outcome
            if not done(outcome):
                pool.shutdown(cancel_futures=True)
                break
    return [outcomes[seed] for seed in sorted(outcomes)]


def _as_they_come(
    pool: ProcessPoolExecutor, seeds: Sequence[int], play_one: Callable[[int], Outcome], workers: int
) -> Iterator[Outcome]:
    left = iter(seeds)
    # Two for each worker, so that none waits, and few are given up when a batch stops early.
    running: set[Future[Outcome]] = {pool.submit(play_one, seed) for seed in islice(left, workers * 2)}
    while running:
        ended, running = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            yield future.result()
            running |= {pool.submit(play_one, seed) for seed in islice(left, 1)}


def _begin(address: str, providers: Sequence[str]) -> None:
    line = _stack.enter_context(one_line(create_database(address)))
    _lines.append((line, find_all(providers)))


def _play(seed: int, *, size: int, day: str, stories: Sequence[str] | None) -> Outcome:
    line, makers = _lines[0]
    return play(seed, line, makers, stories=stories, size=size, day=day)
