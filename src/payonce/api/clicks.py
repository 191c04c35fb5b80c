"""A click on Pay, from wherever it comes: the one guard is asked, and its answer is counted and logged (D13, D14)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import structlog
from opentelemetry.trace import SpanKind

from payonce.api.edge import Edge
from payonce.api.tracing import TRACER
from payonce.base import ids
from payonce.base.errors import Conflict, PayonceError, Refused
from payonce.usecases.answers import AlreadyPaid, Checkout, CheckoutAnswer, Gone, InProgress, Silent
from payonce.usecases.ensure_checkout import Click, ensure_checkout

LOG: Final = structlog.get_logger("payonce.api.checkout")


async def click(edge: Edge, merchant_id: str, order_id: UUID, wish: Click) -> CheckoutAnswer:
    """The guard's answer. Raises what `ensure_checkout` raises."""
    with TRACER.start_as_current_span("payonce.checkout", kind=SpanKind.INTERNAL) as span:
        span.set_attribute("payonce.order_id", ids.show(ids.ORDER, order_id))
        try:
            answer = await ensure_checkout(edge.world, merchant_id, order_id, wish)
        except PayonceError as error:
            # A wish that cannot be and an order that does not fit are a no; all else failed on our side.
            _count(edge, merchant_id, order_id, "refused" if isinstance(error, Refused | Conflict) else "failed")
            raise
        outcome = outcome_of(answer)
        span.set_attribute("payonce.outcome", outcome)
    _count(edge, merchant_id, order_id, outcome)
    attempt = ids.show(ids.ATTEMPT, answer.attempt_id) if isinstance(answer, Checkout) else None
    LOG.info("checkout", outcome=outcome, order_id=ids.show(ids.ORDER, order_id), attempt_id=attempt)
    return answer


def _count(edge: Edge, merchant_id: str, order_id: UUID, outcome: str) -> None:
    edge.metrics.checkout(outcome)
    edge.tally.note(merchant_id, order_id, outcome)


def outcome_of(answer: CheckoutAnswer) -> str:
    """The answer in a word, for counting."""
    if isinstance(answer, Checkout):
        return answer.outcome
    words = {AlreadyPaid: "blocked_paid", InProgress: "in_progress", Gone: "gone", Silent: "silent"}
    return words.get(type(answer), "refused")
