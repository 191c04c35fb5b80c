"""What tells people, in one process: the routes of alerts with their calls, and the heartbeat. The engine owns one.

Calls that take long go on beside the worker's steps; closing waits for them, and leaves what takes longer to its lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from payonce.base.clock import Clock
from payonce.installation import Installation
from payonce.jobs.heartbeat import Beat, Heartbeat
from payonce.jobs.lane import Lane
from payonce.notify.side_by_side import Aside
from payonce.usecases.alerting import Alerting
from payonce.usecases.world import World

if TYPE_CHECKING:
    from payonce.notify.sender import HttpSender

log = structlog.get_logger(__name__)


class Alarm:
    """Everything that tells people. `counted`: the metrics of the process, once there are some."""

    def __init__(self, installation: Installation, clock: Clock, senders: list[HttpSender]) -> None:
        """Raises Refused `extra_missing`, and for an address or a secret that cannot work (B16)."""
        self._installation = installation
        self._senders = senders
        self._aside = Aside()
        self._beating: asyncio.Task[None] | None = None
        self.counted: Any = None
        self.alerting = self._alerting(clock)

    def begin(self, world: World, lanes: Sequence[Lane]) -> None:
        """Let the heart beat, where an address is set."""
        it = self._installation
        if it.heartbeat_url is None or self._beating is not None:
            return
        from payonce.notify.sender import HttpSender

        sender = HttpSender(allow_private=True)
        self._senders.append(sender)
        heart = Heartbeat(it.heartbeat_url, it.heartbeat_every, sender, world, lanes, self._beat)
        self._beating = asyncio.create_task(heart.run(), name="payonce-heartbeat")

    async def close(self) -> None:
        """End what was begun."""
        if self._beating is not None:
            self._beating.cancel()
            with suppress(asyncio.CancelledError):
                await self._beating
            self._beating = None
        await self._aside.close()

    def _alerting(self, clock: Clock) -> Alerting:
        it = self._installation
        if not it.alert_routes:
            return Alerting()
        from payonce.notify.alert_routes import channels_of

        channels = channels_of(it.alert_routes, it.smtp_url, it.mail_from, clock, self._senders)
        routes = {each.route.name: each.route for each in it.alert_routes}
        return Alerting(routes, channels, it.base_url.rstrip("/"), self._aside, self._heard)

    def _heard(self, route: str, outcome: str, reason: str) -> None:
        if self.counted is not None:
            self.counted.alert(route, outcome)
        if outcome in ("unknown", "dead") or outcome.startswith("unrecorded"):
            # Who watches the logs learns it even where nobody is told on this route.
            log.error("alert_not_told", route=route, outcome=outcome, reason=reason)

    def _beat(self, beat: Beat, at: datetime) -> None:
        if self.counted is not None:
            self.counted.heartbeat(beat, at)
