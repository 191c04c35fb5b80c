"""The simulated NOWPayments as one object: requests in, replies out, notices to send, and who else acts on it.

It does no I/O and never waits. `asgi` and `serve` put it on a socket; `direct` puts it behind a transport without one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from payonce.base.chance import Chance
from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.calls import Call
from payonce.providers.simulator.control import Control
from payonce.providers.simulator.delivery_faults import DeliveryFaults, DeliverySource
from payonce.providers.simulator.faults import Faults, FaultSource
from payonce.providers.simulator.letters import Letters, Outgoing
from payonce.providers.simulator.nowpayments.api import Api
from payonce.providers.simulator.nowpayments.books import Books
from payonce.providers.simulator.nowpayments.control import CONTROLS
from payonce.providers.simulator.nowpayments.dashboard import Dashboard
from payonce.providers.simulator.nowpayments.notices import Notices
from payonce.providers.simulator.nowpayments.pages import Pages
from payonce.providers.simulator.nowpayments.payer import Payer
from payonce.providers.simulator.nowpayments.settings import Settings
from payonce.providers.simulator.nowpayments.truth import Truth
from payonce.providers.simulator.wire import Reply, Request, lower_names
from payonce.providers.simulator.world import Now, ObjectIds, RandomIds, ShiftedClock, SystemChance

# A receiver that takes longer than this has not answered.
PATIENCE_SECONDS = 3.0


class NowPaymentsSimulator:
    """One account. `payer`, `dashboard` and `truth` are the other ways to it; `faults` says what goes wrong.

    `on_news` is called whenever something may have become due; a server's delivery task wakes up by it.
    """

    def __init__(
        self,
        *,
        clock: Now | None = None,
        chance: Chance | None = None,
        ids: ObjectIds | None = None,
        settings: Settings | None = None,
        base_url: str = "http://nowpayments.simulator.invalid",
        faults: FaultSource | None = None,
        delivery_faults: DeliverySource | None = None,
    ) -> None:
        chance = chance or SystemChance()
        self.settings = settings or Settings()
        self.books = Books(clock or ShiftedClock(), ids or RandomIds(chance), base_url, self.settings)
        self.faults: FaultSource = faults or Faults(chance)
        self.webhooks: Letters = Letters(
            self.books,
            delivery_faults or DeliveryFaults(chance),
            retries=lambda: (self.settings.ipn_interval,) * self.settings.ipn_retries,
            timeout_seconds=PATIENCE_SECONDS,
            log_length=self.settings.log_length,
        )
        self.payer: Payer = Payer(self.books)
        self.dashboard: Dashboard = Dashboard(self.books)
        self.truth: Truth = Truth(self.books)
        self.on_news: Callable[[], None] = lambda: None
        self._notices = Notices(self.books, self.webhooks)
        self._api = Api(self.books, self.faults, self.payer)
        self._pages = Pages(self.books, self.payer)
        self._control = Control(self, CONTROLS)

    @property
    def calls(self) -> deque[Call]:
        """The log of calls of the API, oldest first."""
        return self._api.calls

    @property
    def base_url(self) -> str:
        """Where payers reach the pages; what the address of a new invoice begins with."""
        return self.books.base_url

    @base_url.setter
    def base_url(self, value: str) -> None:
        self.books.base_url = value.rstrip("/")

    @alone
    def handle(
        self,
        method: str,
        path: str,
        query: str = "",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Reply:
        """The reply to one HTTP request; `path` as it stands on the wire. The state has changed when this returns."""
        request = Request(method.upper(), path, query, lower_names(headers), body)
        if path.startswith("/v1/"):
            reply = self._api.answer(request)
        elif path.startswith("/_sim/"):
            reply = self._control.answer(request)
        else:
            reply = self._pages.answer(request)
        self.on_news()
        return reply

    @alone
    def due_deliveries(self) -> list[Outgoing]:
        """The notices to send now. Send each, and tell `delivered` what came back."""
        return self.webhooks.due()

    def delivered(self, delivery_id: int, status: int | None, body: bytes = b"") -> None:
        """Record the receiver's answer to one delivery; None when there was none."""
        self.webhooks.answered(delivery_id, status, body)
        self.on_news()

    def quiet(self) -> bool:
        """Whether every notice that is due has been sent and its answer recorded."""
        return self.webhooks.quiet()

    def next_due(self) -> float | None:
        """The unix second at which the clock alone will change something or a notice must go, or None."""
        moments = [at for at in (self.books.next_due(), self.webhooks.next_due()) if at is not None]
        return min(moments, default=None)

    def advance(self, seconds: float) -> None:
        """Let time pass, if the clock can be moved, and do what becomes due. Raises TypeError when it cannot."""
        move = getattr(self.books.clock, "advance", None)
        if move is None:
            raise TypeError("this simulator's clock is moved by whoever handed it in")
        with self.books.lock:
            move(seconds)
            self.books.catch_up()
        self.on_news()

    @alone
    def clear_faults(self) -> None:
        """End every fault that was added by a rule."""
        for source in (self.faults, self.webhooks.faults):
            if isinstance(source, Faults | DeliveryFaults):
                source.clear()
