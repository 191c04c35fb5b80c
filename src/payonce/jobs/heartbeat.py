"""The dead man's switch: an address outside is called every few minutes, and only while all is really well.

Whoever watches that address raises the alarm when the calls stop: when the service is gone, its database does not
answer, a lane of its worker stands still, or nobody has looked for findings lately. Nobody inside could tell of that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import structlog

from payonce.jobs.lane import Lane
from payonce.providers.transport import Request, Transport, Unreachable
from payonce.usecases.vital_signs import vital_signs
from payonce.usecases.world import World

log = structlog.get_logger(__name__)

Beat = Literal["sent", "withheld", "failed"]
CALL_SECONDS: Final = 10.0
# A call that is lost is made again before whoever watches becomes impatient.
AGAIN_SECONDS: Final = 30.0
# One failure passes by itself; this many in a row do not.
MOST_FAILURES: Final = 5
# A step of a worker ends within a minute, whatever its receivers do.
LONGEST_STEP: Final = timedelta(minutes=5)


def unheard(beat: Beat, at: datetime) -> None:
    """Nobody counts."""


class Heartbeat:
    """Calls `url` as long as `run` runs. `lanes` are those of this process; `heard` is told of every beat."""

    def __init__(
        self, url: str, every: timedelta, transport: Transport, world: World, lanes: Sequence[Lane],
        heard: Callable[[Beat, datetime], None] = unheard,
    ) -> None:  # fmt: skip
        self._url = url
        self._every = every
        self._transport = transport
        self._world = world
        self._lanes = lanes
        self._heard = heard
        self._since = world.clock.now()
        self._was_wrong: list[str] = []

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            beat = await self.beat()
            seconds = self._every.total_seconds()
            await asyncio.sleep(min(seconds, AGAIN_SECONDS) if beat != "sent" else seconds)

    async def beat(self) -> Beat:
        """Call the address once if all is well; never raises."""
        wrong = [*lanes_wrong(self._lanes, self._since, self._world.clock.now()), *await vital_signs(self._world)]
        beat = await self._call() if not wrong else "withheld"
        if wrong != self._was_wrong:
            log.warning("heartbeat_withheld" if wrong else "heartbeat_resumed", wrong=wrong)
        self._was_wrong = wrong
        self._heard(beat, self._world.clock.now())
        return beat

    async def _call(self) -> Beat:
        try:
            answer = await self._transport.send(Request("GET", self._url, (), b"", CALL_SECONDS))
        except Unreachable as error:
            # The address holds a secret, so only the kind of failure is told.
            log.warning("heartbeat_failed", reason=error.reason.partition(":")[0])
            return "failed"
        if answer.status >= 300:
            log.warning("heartbeat_failed", reason=str(answer.status))
        return "sent" if answer.status < 300 else "failed"


def lanes_wrong(lanes: Sequence[Lane], since: datetime, now: datetime) -> list[str]:
    """Which lanes fail again and again, or stand still; those that a switch stops do so rightly."""
    wrong = []
    for lane in lanes:
        if lane.failures_in_a_row >= MOST_FAILURES:
            wrong.append(f"the job {lane.job.name} failed {MOST_FAILURES} times in a row or more")
        elif lane.job.is_worker and not lane.is_paused and now - (lane.last_success_at or since) > LONGEST_STEP:
            wrong.append(f"the job {lane.job.name} stands still")
    return wrong
