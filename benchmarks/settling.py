"""Webhooks settled a second: payonce, the floor and the peers, each on a fresh database of the same server.

Every measurement counts what it wrote, and looks whether all that was answered is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks import floor, others, place
from benchmarks.load import Plan, Result
from benchmarks.place import TEMPLATE, WORK, Place, tables
from benchmarks.service import payonce, play

# Rows of the service's own start and heartbeat, not of an event.
_OUR_OWN: Final = frozenset({"accounts", "api_keys", "jobs", "workers", "migrations"})


@dataclass(slots=True)
class Side:
    """One measurement of one side. Latencies in ms, `cpu_us` per event of the service's and the server's processes."""

    name: str
    rate: float
    p50: float = 0.0
    p99: float = 0.0
    mean: float = 0.0
    events: int = 0
    rows: dict[str, float] = field(default_factory=dict)
    rows_per_event: float = 0.0
    fsyncs_per_event: float = 0.0
    wal_per_event: int = 0
    server_cpu_us: int = 0
    service_cpu_us: int = 0


class Settling:
    """All sides, on one place with `orders` payments to settle in the template, the first of which is `first`."""

    def __init__(self, place: Place, *, orders: int, seconds: float, first: int = 1, template: str = TEMPLATE) -> None:
        self._place = place
        self._orders = orders
        self._seconds = seconds
        self._first = first
        self._template = template

    def floor_e(self, clients: int) -> Side:
        """One prepared call per event."""
        return self._floor(f"floor E, {clients} clients", clients, 1, self._seconds)

    def floor_s(self, clients: int = 4, many: int = 100) -> Side:
        """A hundred events per call and commit."""
        return self._floor(f"floor S, {many} an event group, {clients} clients", clients, many, self._seconds / 2)

    def payonce(self, processes: int, callers: int, *, rate: float = 0.0, repeat: bool = False, **own: str) -> Side:
        """The service. `rate`: arrivals a second, whatever it does; else each caller waits for its answer.
        `repeat`: the same events a second time, and only those are measured."""
        self._place.fresh(self._template)
        with payonce(self._place.dsn(), processes, **own) as running:
            plan = self._plan([each.port for each in running], callers, rate)
            if repeat:
                first = play(plan)
                plan = self._plan(
                    [each.port for each in running], callers, rate, count=first.answered, wants='"duplicate"'
                )
                return self._load(f"payonce, {processes} processes, again", running, plan, WORK)
            name = f"payonce, {processes} x {callers}" + (f", open at {rate:.0f}/s" if rate else "")
            side = self._load(name, running, plan, WORK)
        self._look(side)
        return side

    def orm(self, processes: int, callers: int) -> Side:
        """The hand-written service."""
        with others.orm_service(self._place, processes) as running:
            side = self._load(
                f"ORM service, {processes} x {callers}",
                [running],
                self._plan([running.port], callers, first=1),
                others.ORM,
            )
        self._rows(side, others.ORM)
        self._same(side, "SELECT count(*) FROM orders WHERE status = 'paid'", others.ORM)
        return side

    def django(self, workers: int, callers: int) -> Side:
        """dj-stripe."""
        with others.django_site(self._place, workers) as running:
            plan = self._plan([running.port], callers, first=1, wants="", path=others.DJANGO_PATH)
            side = self._load(f"dj-stripe, {workers} x {callers}", [running], plan, others.DJANGO)
        self._rows(side, others.DJANGO)
        self._same(side, "SELECT count(*) FROM djstripe_paymentintent", others.DJANGO)
        return side

    def _floor(self, name: str, clients: int, many: int, seconds: float) -> Side:
        self._place.fresh(self._template)
        before = self._place.written()
        found = floor.measure(
            self._place, clients=clients, many=many, seconds=seconds, orders=self._orders, first=self._first
        )
        side = Side(name, found.rate, mean=found.latency_ms, events=found.events)
        self._cost(side, before)
        self._rows(side, WORK)
        return side

    def _plan(self, ports: list[int], callers: int, rate: float = 0.0, **own: Any) -> Plan:
        # What is left of the orders is enough for any machine; signing more than can be sent only takes time.
        seconds = self._seconds + 0.5
        most = int(rate * seconds) + 1 if rate else int(seconds * 15_000)
        made = {"first": self._first, "count": min(self._orders, most), **own}
        return Plan(ports=ports, callers=callers, seconds=self._seconds, rate=rate, **made)

    def _load(self, name: str, running: list[Any], plan: Plan, database: str) -> Side:
        spent = sum(each.cpu_seconds() for each in running)
        before = self._place.written()
        result: Result = play(plan)
        spent = sum(each.cpu_seconds() for each in running) - spent
        side = Side(name, result.rate, result.p50, result.p99, result.mean, result.answered)
        side.service_cpu_us = round(spent / result.answered * 1e6)
        self._cost(side, before)
        return side

    def _cost(self, side: Side, before: place.Written) -> None:
        spent = self._place.written() - before
        side.wal_per_event = round(spent.wal_bytes / side.events)
        side.fsyncs_per_event = round(spent.fsyncs / side.events, 4)
        side.server_cpu_us = round(spent.cpu_seconds / side.events * 1e6)

    def _rows(self, side: Side, database: str) -> None:
        found = self._place.rows_written(database)
        side.rows = tables({name: many for name, many in found.items() if name not in _OUR_OWN}, {}, side.events)
        side.rows_per_event = round(sum(side.rows.values()), 2)

    def _look(self, side: Side) -> None:
        """Whether everything that was answered is settled, once, and balanced. Raises RuntimeError where not."""
        self._rows(side, WORK)
        since = f"order_id >= bench_id(0, {self._first})"
        self._same(side, f"SELECT count(*) FROM settlements WHERE {since}", WORK)
        self._same(side, f"SELECT count(*) FROM orders WHERE state = 'paid' AND {since}", WORK)
        unbalanced = "SELECT 1 FROM postings GROUP BY merchant_id, entry_id HAVING sum(amount_minor) <> 0 LIMIT 1"
        if self._place.rows(unbalanced):
            raise RuntimeError(f"{side.name}: the ledger does not balance")

    def _same(self, side: Side, query: str, database: str) -> None:
        [(found,)] = self._place.rows(query, database=database)
        if found != side.events:
            raise RuntimeError(f"{side.name}: {side.events} were answered and {found} are settled ({query})")


def lacking(lower: Side, upper: Side) -> list[str]:
    """The tables of which the floor `lower` wrote fewer rows for an event than `upper` did."""
    return [table for table, rows in upper.rows.items() if rows >= 0.5 and lower.rows.get(table, 0) < rows - 0.02]
