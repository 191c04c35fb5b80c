"""Health for whoever runs it: alive, ready, and numbers. Nothing here calls a provider."""

from __future__ import annotations

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from payonce.api.edge import Edge, edge_of
from payonce.base.errors import PayonceError, Unavailable
from payonce.store.migrate import require_current
from payonce.usecases.glance import oldest_event_at
from payonce.usecases.list_alerts import unfinished_alerts
from payonce.usecases.list_effects import unfinished_effects
from payonce.usecases.list_findings import count_open_findings
from payonce.usecases.list_jobs import list_jobs
from payonce.usecases.read_reconciliation import open_differences

NOT_KEPT = {"Cache-Control": "no-store"}


async def livez(request: Request) -> Response:
    """200 while the process answers at all."""
    return PlainTextResponse("alive\n", headers=NOT_KEPT)


async def readyz(request: Request) -> Response:
    """200 when the database answers, its schema fits and everything in the background runs; else 503 with what is
    wrong."""
    edge = edge_of(request)
    wrong = list(edge.failures)
    try:
        await require_current(edge.world.database)
    except PayonceError as error:
        wrong.append(f"{error.code}: {error.message}")
    state = {"ready": not wrong, "wrong": wrong}
    return JSONResponse(state, 503 if wrong else 200, {**NOT_KEPT, **({"Retry-After": "2"} if wrong else {})})


async def metrics(request: Request) -> Response:
    """The numbers in Prometheus' format. Those that only the database knows are absent while it does not answer."""
    edge = edge_of(request)
    try:
        await _read_state(edge)
    except Unavailable:
        edge.metrics.set_jobs([])
        edge.metrics.set_state([], [], edge.evidence.dropped, edge.world.clock.now())
        edge.metrics.set_alerts([])
        edge.metrics.set_differences([])
    return Response(edge.metrics.text(), media_type=CONTENT_TYPE_LATEST, headers=NOT_KEPT)


def routes() -> list[Route]:
    """The routes of this file."""
    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]


async def _read_state(edge: Edge) -> None:
    unfinished, findings, alerts, differences, oldest = [], [], [], [], []
    for merchant_id in sorted({*edge.world.merchants.values(), edge.settings.merchant_id}):
        unfinished += await unfinished_effects(edge.world, merchant_id)
        findings += await count_open_findings(edge.world, merchant_id)
        alerts += await unfinished_alerts(edge.world, merchant_id)
        differences += await open_differences(edge.world, merchant_id)
        oldest.append(await oldest_event_at(edge.world, merchant_id))
    edge.metrics.set_jobs(await list_jobs(edge.world))
    edge.metrics.set_state(unfinished, findings, edge.evidence.dropped, edge.world.clock.now())
    edge.metrics.set_alerts(alerts)
    edge.metrics.set_differences(differences)
    edge.metrics.set_oldest_event([at for at in oldest if at is not None], edge.world.clock.now())
