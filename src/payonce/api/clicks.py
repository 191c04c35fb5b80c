"""A click on Pay, from wherever it comes: the one guard is asked, and its answer is counted and logged (D13, D14)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import structlog
from opentelemetry.trace import SpanKind

from payonce.api.edge import Edge
from payonce.api.tracing import TRACER
from payonce.base import ids
from payonce.usecases.answers import Checkout, CheckoutAnswer
from payonce.usecases.ensure_checkout import Click
from payonce.usecases.tally_checkouts import counted_checkout, outcome_of

LOG: Final = structlog.get_logger("payonce.api.checkout")


async def click(edge: Edge, merchant_id: str, order_id: UUID, wish: Click) -> CheckoutAnswer:
    """The guard's answer. Raises what `ensure_checkout` raises."""
    with TRACER.start_as_current_span("payonce.checkout", kind=SpanKind.INTERNAL) as span:
        span.set_attribute("payonce.order_id", ids.show(ids.ORDER, order_id))
        answer = await counted_checkout(_Counting(edge), edge.world, merchant_id, order_id, wish)
        outcome = outcome_of(answer)
        span.set_attribute("payonce.outcome", outcome)
    attempt = ids.show(ids.ATTEMPT, answer.attempt_id) if isinstance(answer, Checkout) else None
    LOG.info("checkout", outcome=outcome, order_id=ids.show(ids.ORDER, order_id), attempt_id=attempt)
    return answer


class _Counting:
    """Counts an answer for whoever scrapes this process, and for the monitor of all."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def note(self, merchant_id: str, order_id: UUID, outcome: str) -> None:
        self._edge.metrics.checkout(outcome)
        self._edge.tally.note(merchant_id, order_id, outcome)
