"""What all routes share: the world, who may call how often, what was seen last, what is counted, and the pages.

One object for each application. It opens nothing; `close` lets what was accepted come to its end.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from starlette.requests import Request

from payonce.api.calls import Call
from payonce.api.checkout_tally import CheckoutTally
from payonce.api.evidence_log import EvidenceLog
from payonce.api.gather import Gatherer
from payonce.api.given_up import GivenUp
from payonce.api.ingest import Ingest
from payonce.api.keyring import Keyring
from payonce.api.limits import Allowances, Misses
from payonce.api.metrics import Metrics
from payonce.api.pages import Pages
from payonce.api.readings import Readings
from payonce.api.settings import ApiSettings
from payonce.api.shedding import Shed
from payonce.api.status_board import Snapshot, StatusBoard
from payonce.api.together import Together
from payonce.api.words import listed, name_of
from payonce.base import ids
from payonce.base.errors import Refused, Unavailable
from payonce.usecases.alerting import Alerting
from payonce.usecases.answers import Received
from payonce.usecases.evidence import Evidence
from payonce.usecases.idempotency import Keyed, hold_bodies
from payonce.usecases.read_order import find_by_token
from payonce.usecases.receive import Delivery
from payonce.usecases.world import World

# A person mistypes a link a few times; a program that guesses is slowed to nothing against 128 bits.
MOST_UNKNOWN_LINKS: Final = 30
MOST_LINKS: Final = 10_000
# From when on single requests are waited for longer than a large group of webhooks is worth.
PRESSED_SECONDS: Final = 0.25
# Nobody clicks once a second for a minute; each click locks its order and writes a row.
MOST_CLICKS: Final = 60


class Edge:
    """The shared parts, by name. In its world clicks that come at the same moment are decided together."""

    def __init__(
        self, world: World, settings: ApiSettings, *, shop: bool = False, simulated: bool = False,
        metrics: Metrics | None = None, alerting: Alerting | None = None,
        # How long requests wait for the database at present.
        wait_seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.has_shop = shop
        self.metrics = metrics or Metrics()
        # For the test button; what findings change is told by the worker.
        self.alerting = alerting or Alerting()
        providers = listed(name_of(provider) for provider in sorted({provider for provider, _ in world.tills}))
        self.pages = Pages(settings, simulated=providers if simulated else "")
        self.keyring = Keyring(world, settings)
        self.shed = Shed(self.metrics.shed)
        self.board = StatusBoard(world.clock)
        self.status_limits: Allowances[tuple[UUID, str]] = Allowances(world.clock)
        self.refresh_limits: Allowances[tuple[UUID, str]] = Allowances(world.clock)
        self.unknown_links: Misses[str] = Misses(world.clock, most_misses=MOST_UNKNOWN_LINKS)
        self.clicks: Misses[tuple[UUID, str]] = Misses(world.clock, most_misses=MOST_CLICKS)
        self.evidence = EvidenceLog(world)
        self.tally = CheckoutTally(world)
        self.given_up = GivenUp()
        self.gatherer: Gatherer[Delivery, Received] = Gatherer(
            Ingest(world, self.metrics).take_in, on_full=self.shed.note,
            is_pressed=lambda: wait_seconds() > PRESSED_SECONDS,
        )  # fmt: skip
        self.readings = Readings(world, self.shed.note)
        self.together = Together(world, self.shed.note)
        self.world = replace(world, together=self.together)
        # Idempotency keys of requests that are answered afresh; only callers with a key of ours bind one.
        self.binding: Gatherer[Keyed, Refused | None] = Gatherer(
            partial(hold_bodies, world), items="keys", apart=True, on_full=self.shed.note
        )
        # A link leads to the same order for ever, so it is looked up once.
        self._links: OrderedDict[str, tuple[str, UUID]] = OrderedDict()
        # What went wrong in the background and makes `/readyz` fail.
        self.failures: list[str] = []

    def new_request_id(self) -> str:
        """An id for a request that brought none."""
        return ids.show(ids.REQUEST, self.world.ids.new())

    async def find_link(self, call: Call, token: str) -> tuple[str, UUID]:
        """The merchant and order behind a link. Raises Refused `link_unknown` (404) and, for a caller who keeps
        guessing, Unavailable `too_many_unknown_links` (429). A link that leads somewhere always does: a payer may
        share an address with whoever guesses."""
        found = self._links.get(token)
        if found is None:
            try:
                found = await find_by_token(self.world, token)
            except Refused:
                self._refuse_guessing(call)
                raise
            self._keep_link(token, found)
        structlog.contextvars.bind_contextvars(order_id=ids.show(ids.ORDER, found[1]))
        return found

    async def open_link(self, call: Call, token: str) -> tuple[str, UUID, Snapshot | None]:
        """As `find_link`, for who will read the order as well: a link that is not known yet is looked up together with
        its order, which comes along as it was just read.
        """
        if token in self._links:
            return *await self.find_link(call, token), None
        try:
            snapshot = self.board.put(await self.readings.by_token(token))
        except Refused:
            self._refuse_guessing(call)
            raise
        self._keep_link(token, (snapshot.order.merchant_id, snapshot.order.id))
        return *await self.find_link(call, token), snapshot

    def _keep_link(self, token: str, found: tuple[str, UUID]) -> None:
        self._links[token] = found
        if len(self._links) > MOST_LINKS:
            self._links.popitem(last=False)

    def _refuse_guessing(self, call: Call) -> None:
        """Count an unknown link against its caller. Raises Unavailable once there were too many."""
        wait = self.unknown_links.wait_seconds(call.neighbourhood)
        if wait > 0:
            raise Unavailable(
                "too many unknown links were opened from your address", code="too_many_unknown_links", status=429,
                retry_after_seconds=wait,
            )  # fmt: skip
        self.unknown_links.note(call.neighbourhood)

    def count_click(self, call: Call, order_id: UUID) -> None:
        """Count a click on a payment link. Raises Unavailable `pay_limited` (429) for a flood of one caller on one."""
        caller = (order_id, call.neighbourhood)
        wait = self.clicks.wait_seconds(caller)
        if wait > 0:
            raise Unavailable(
                "this payment link was opened more than once a second", code="pay_limited", status=429,
                retry_after_seconds=wait,
            )  # fmt: skip
        self.clicks.note(caller)

    def note_call(self, call: Call, merchant_id: str, order_id: UUID, what: str, status: int) -> None:
        """Keep evidence of a call of a payer (E20)."""
        clock, new_id = self.world.clock, self.world.ids.new
        row = Evidence(
            new_id(), order_id, clock.now(), what, call.address, call.note("user-agent"), call.note("referer"), status
        )
        self.evidence.note(merchant_id, row)

    async def close(self) -> None:
        """Let every accepted webhook have its outcome, and write the evidence that is left."""
        await self.gatherer.close()
        await self.readings.close()
        await self.binding.close()
        await self.together.aclose()
        await self.evidence.close()
        await self.tally.aclose()


def edge_of(request: Request) -> Edge:
    """The edge that serves this request."""
    edge: Edge = request.app.state.edge
    return edge
