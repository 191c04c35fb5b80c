"""Ten times what the service can answer: who is not served is told when to come again, and nothing said is lost.

`PAYONCE_TESTS_OVERLOAD` is for how many seconds (`make overload`); figures go to the path in
`PAYONCE_TESTS_OVERLOAD_REPORT`.
"""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path

import psycopg

from tests.attacks.corpora.bodies import MIB
from tests.attacks.corpora.doors import environment
from tests.attacks.overload import Came, generate
from tests.support.databases import TestServer
from tests.support.reports import write_report
from tests.support.service import Service
from tests.support.waiting import until

SECONDS = float(os.environ.get("PAYONCE_TESTS_OVERLOAD", "6"))
REPORT = os.environ.get("PAYONCE_TESTS_OVERLOAD_REPORT")
# With so many callers at once a service that can answer r requests a second answers about r.
USUAL_CONNECTIONS = 64
# More than the service takes at once, of connections, requests and deliveries, so that the flood reaches every bound;
# fewer where the system gives a process few descriptors.
MANY_CONNECTIONS = min(6000, max(64, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200))
TIMES = 10
# What the process may hold more than before: every connection, every waiting request, and nothing that grows.
MOST_MORE_BYTES = 256 * MIB


def test_at_ten_times_the_rate_everybody_is_served_or_told_when_to_come_again(
    postgres: TestServer, tmp_path: Path
) -> None:
    """B6: 429 and 503 with Retry-After, never another refusal; what was acknowledged is stored (S12); and when the
    flood is over, everybody is served as before."""
    name = postgres.create(postgres.template())
    database = postgres.server.dsn(name)
    service = Service(tmp_path, port=None, DATABASE_URL=database, **environment())
    try:
        service.start()
        usual = generate(
            service.base_url, rate=0, seconds=max(2.0, SECONDS / 4), connections=USUAL_CONNECTIONS, name="usual"
        )
        assert usual.wrong == [] and usual.answered_well > 0
        before, sustainable = service.memory_bytes(), usual.goodput
        worked = service.cpu_seconds()
        flood = generate(
            service.base_url, rate=TIMES * sustainable, seconds=SECONDS, connections=MANY_CONNECTIONS, name="flood"
        )
        spent = service.cpu_seconds() - worked
        began, after = time.perf_counter(), list[Came]()

        def served_as_before() -> bool:
            after.append(generate(service.base_url, rate=0, seconds=0.5, connections=2, name=f"after-{len(after)}"))
            return set(after[-1].statuses) <= {"200", "201"} and after[-1].wrong == []

        until(served_as_before, what="an ordinary answer after the flood")
        back = time.perf_counter() - began
        held = service.memory_bytes() - before
        _report(usual, flood, back, held, spent)
        assert flood.wrong == []
        assert flood.answered_well > 0
        assert held < MOST_MORE_BYTES
        for came in (usual, flood, *after):
            assert_stored(database, came)
    finally:
        service.stop()
        postgres.drop(name)


def assert_stored(database: str, came: Came) -> None:
    """Fail unless everything that was acknowledged is there."""
    with psycopg.connect(database, autocommit=True) as beside:
        events = {key for (key,) in beside.execute("SELECT event_key FROM event_keys").fetchall()}
        orders = {name for (name,) in beside.execute("SELECT reference FROM orders").fetchall()}
    assert set(came.events) - events == set()
    assert set(came.orders) - orders == set()


def _report(usual: Came, flood: Came, back: float, held: int, spent: int) -> None:
    by_kind = {
        kind: round(flood.in_time.get(kind, 0) / flood.seconds / (usual.in_time[kind] / usual.seconds), 2)
        for kind in sorted(usual.in_time)
    }
    figures = {
        "seconds": round(flood.seconds), "sustainable_per_second": round(usual.goodput),
        "served_per_second": round(flood.goodput), "served_of_sustainable": round(flood.goodput / usual.goodput, 2),
        "of_each_kind": by_kind, "cpu_seconds_of_the_service": spent,
        "cpu_seconds_of_the_generator": round(flood.cpu_seconds, 1),
        "sent_per_second": round(flood.sent / flood.seconds),
        "sent": flood.sent, "statuses": flood.statuses, "wrong": len(flood.wrong),
        "acknowledged": len(flood.events) + len(flood.orders), "memory_more_mib": round(held / MIB),
        "seconds_until_served_as_before": round(back, 1), "usual": usual.statuses,
    }  # fmt: skip
    print("overload:", json.dumps(figures))
    write_report(Path(REPORT) if REPORT else None, figures)
