"""Takes in groups of webhooks: one use case call, one span, one count for each. Decides nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.trace import Link

from payonce.api.metrics import Metrics
from payonce.api.tracing import TRACER, link_to
from payonce.base import ids
from payonce.usecases.answers import Received
from payonce.usecases.receive import Delivery, receive
from payonce.usecases.world import World

_NAMES: Final = {ids.EVENT: "event", ids.ORDER: "order", ids.ATTEMPT: "attempt"}
LOG: Final = structlog.get_logger("payonce.api.webhooks")


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
        for delivery, received in zip(deliveries, results, strict=True):
            self._metrics.received(received, self._world.clock.now())
            _log(delivery, received)
        return results


def _log(delivery: Delivery, received: Received) -> None:
    """One line for each, with the ids that it is found by; what is not known is left out."""
    found = ((ids.EVENT, received.event_id), (ids.ORDER, received.order_id), (ids.ATTEMPT, received.attempt_id))
    known = {f"{_NAMES[prefix]}_id": ids.show(prefix, value) for prefix, value in found if value is not None}
    LOG.info(
        "webhook", request_id=delivery.request_id, provider=received.provider, type=received.type,
        verdict=received.verdict, outcome=received.outcome, reason=received.reason, **known,
    )  # fmt: skip
