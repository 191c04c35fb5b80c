"""Messages about findings, routes and silences as the API and the command line give them. No address is shown whole."""

from __future__ import annotations

from typing import Any

from payonce.api.shapes import shown
from payonce.api.times import when
from payonce.base import ids
from payonce.settings_alerts import AlertRoute
from payonce.usecases.list_alerts import MessageView, RouteView
from payonce.usecases.silences import SilenceView
from payonce.usecases.tell_test import Tested


def message_json(message: MessageView) -> dict[str, Any]:
    """One message, and what became of it."""
    return {
        "id": ids.show(ids.ALERT, message.id),
        "object": "alert",
        "route": message.route,
        "kind": message.kind,
        "tone": message.tone,
        "alerts": message.alerts,
        "state": message.state,
        "tries": message.tries,
        "begun_at": when(message.begun_at),
        "due_at": when(message.due_at),
        "ended_at": when(message.ended_at),
        "answer": message.answer,
    }


def route_json(route: AlertRoute, seen: RouteView | None) -> dict[str, Any]:
    """One route: what it lets pass (an empty list: everything), where it leads, and its messages of a week."""
    it, seen = route.route, seen or RouteView(route.route.name)
    return {
        "object": "alert_route",
        "name": it.name,
        "leads_to": route.shown,
        "kinds": list(it.kinds),
        "severities": list(it.severities),
        "providers": list(it.providers),
        "group_seconds": int(it.group.total_seconds()),
        "last_sent_at": when(seen.last_sent_at),
        "waiting": seen.waiting,
        "messages": dict(seen.states),
    }


def silence_json(silence: SilenceView) -> dict[str, Any]:
    """One silence."""
    return {
        "id": ids.show(ids.SILENCE, silence.id),
        "object": "silence",
        "kind": silence.kind,
        "severity": silence.severity,
        "provider": silence.provider,
        "order_id": shown(ids.ORDER, silence.order_id),
        "author": silence.author,
        "reason": silence.reason,
        "begins_at": when(silence.begins_at),
        "ends_at": when(silence.ends_at),
        "holds": silence.holds,
        "held": silence.held,
        "ended_by": silence.ended_by,
        "ended_why": silence.ended_why,
    }


def tested_json(tested: Tested) -> dict[str, Any]:
    """What became of a test message."""
    return {"route": tested.route, "outcome": tested.outcome, "says": tested.says}
