"""Takes in groups of webhooks: one use case call, one span, one count for each. Decides nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import Link

from payonce import logs
from payonce.api.metrics import Metrics
from payonce.api.tracing import TRACER, link_to
from payonce.base import ids
from payonce.usecases.answers import Received
from payonce.usecases.receive import Delivery, receive
from payonce.usecases.world import World

LOGGER: Final = "payonce.api.webhooks"


class Ingest:
    """Groups of one merchant, as the gatherer hands them."""

    def __init__(self, world: World, metrics: Metrics) -> None:
        self._world = world
        self._metrics = metrics

    async def take_in(self, merchant_id: str, deliveries: Sequence[Delivery]) -> list[Received]:
        """What became of each delivery, in order."""
        links: list[Link] = [link for link in (link_to(each.trace_id) for each in deliveries) if link is not None]
        began = time.perf_counter()
        with TRACER.start_as_current_span("payonce.ingest", kind=trace.SpanKind.CONSUMER, links=links) as span:
            results = await receive(self._world, merchant_id, deliveries)
            span.set_attribute("payonce.deliveries", len(deliveries))
        self._metrics.applied(time.perf_counter() - began)
        self._metrics.received(results, self._world.clock.now())
        logs.write_many(LOGGER, "webhook", map(_row, deliveries, results))
        return results


def _row(delivery: Delivery, received: Received) -> dict[str, Any]:
    """The line of one delivery, with the ids that it is found by; what is not known is left out."""
    row: dict[str, Any] = {
        "request_id": delivery.request_id, "provider": received.provider, "type": received.type,
        "verdict": received.verdict, "outcome": received.outcome, "reason": received.reason,
    }  # fmt: skip
    if received.event_id is not None:
        row["event_id"] = ids.show(ids.EVENT, received.event_id)
    if received.order_id is not None:
        row["order_id"] = ids.show(ids.ORDER, received.order_id)
    if received.attempt_id is not None:
        row["attempt_id"] = ids.show(ids.ATTEMPT, received.attempt_id)
    return row
