"""All flows on all cores: one process each, with a database of its own on one server that is thrown away."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from payonce.simulation.server import create_database, passing_server
from tests.crash.enumeration import FLOWS, Tally, enumerate_flow, ground_of

_address: list[str] = []


def enumerate_flows(names: Sequence[str], *, thorough: bool) -> Iterator[tuple[str, Tally]]:
    """Live through the flows of these names; each as it is done."""
    with passing_server() as server:
        context = multiprocessing.get_context("spawn")
        workers = min(os.cpu_count() or 1, len(names) or 1)
        with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(server.dsn("postgres"),)) as pool:
            running = {pool.submit(_enumerate, name, thorough): name for name in names}
            for future in as_completed(running):
                yield running[future], future.result()


def _begin(address: str) -> None:
    _address.append(create_database(address))


def _enumerate(name: str, thorough: bool) -> Tally:
    [flow] = [flow for flow in FLOWS if flow.name == name]
    with ground_of(_address[0]) as ground:
        return enumerate_flow(ground, flow, thorough=thorough)
