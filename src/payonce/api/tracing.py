"""Spans through the OpenTelemetry API: they cost nothing until an application installs the SDK.

No span carries a token, a body, or personal data.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags

from payonce.base import ids
from payonce.providers.transport import Answer, Request, Transport, Unreachable
from payonce.usecases.effect_handlers import EffectCall, Handler, Handlers, Outcome

TRACER: Final = trace.get_tracer("payonce")
_STORED: Final = re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})")


def link_to(stored: str) -> Link | None:
    """A link to the trace that was stored with an event as `<trace id>-<span id>`; None for anything else."""
    found = _STORED.fullmatch(stored)
    if found is None:
        return None
    return Link(SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=TraceFlags(1)))


class TracedHandlers(Handlers):
    """Handlers whose deliveries are spans. What is written inside a transaction is part of that one's own."""

    def __init__(self, inner: Handlers) -> None:
        super().__init__(inner.describe, inner.within)
        self._known, self.paces = inner._known, inner.paces

    def deliverer(self, name: str) -> Handler:
        """The handler of a kind, with a span around every delivery."""
        return _TracedHandler(super().deliverer(name))


class _TracedHandler:
    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def deliver(self, effect: EffectCall, /) -> Outcome:
        """Deliver, and say in the span which effect of which order it was and what its receiver answered."""
        with TRACER.start_as_current_span("payonce.effect", kind=SpanKind.PRODUCER) as span:
            span.set_attribute("payonce.effect_id", effect.id)
            span.set_attribute("payonce.effect_kind", effect.kind)
            span.set_attribute("payonce.order_id", ids.show(ids.ORDER, effect.order_id))
            span.set_attribute("payonce.try", effect.try_number)
            outcome = await self._handler.deliver(effect)
            span.set_attribute("payonce.outcome", type(outcome).__name__)
            return outcome


class TracedTransport:
    """A transport whose calls to a provider are spans. The composition root puts it around the real one."""

    def __init__(self, transport: Transport, provider: str) -> None:
        self._transport = transport
        self._provider = provider

    async def send(self, request: Request) -> Answer:
        """Send, and say in the span what came back. Paths of providers hold ids of objects, and no secrets."""
        with TRACER.start_as_current_span("payonce.provider_call", kind=SpanKind.CLIENT) as span:
            span.set_attribute("payonce.provider", self._provider)
            span.set_attribute("http.request.method", request.method)
            span.set_attribute("url.path", urlsplit(request.url).path)
            try:
                answer = await self._transport.send(request)
            except Unreachable as silence:
                span.set_attribute("payonce.unreachable", silence.reason)
                raise
            span.set_attribute("http.response.status_code", answer.status)
            return answer
