"""From a click over HTTP, or a notice that never came, to the message at the receivers of the routes: nothing between
them is left out but sockets of the service itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from payonce.drivers.clock import SystemClock
from payonce.jobs.lane import Lane
from payonce.jobs.timetable import find_job
from payonce.jobs.worker import Hand
from payonce.notify.alert_channels import AppriseChannel
from payonce.notify.alert_routes import channels_of
from payonce.notify.sender import HttpSender
from payonce.settings_alerts import read_routes
from payonce.usecases.alerting import Alerting
from payonce.usecases.effect_handlers import Handlers
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.chat import Chat, chat
from tests.support.house import House
from tests.support.parties import nowpayments_seat
from tests.support.site import BASE, Site
from tests.support.waiting import DEADLINE_SECONDS
from tests.support.webhook_receiver import Endpoint, receiver

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgYWxlcnRzIGhlcmU="
MINUTE, DAY = 60, 86400


async def _describe(merchant_id: str, order_ids: Any) -> dict[Any, Any]:
    return {order_id: {} for order_id in order_ids}


class Watchers:
    """The jobs that look and tell, with the routes of a settings file: a signed webhook, and a chat through apprise."""

    def __init__(self, site: Site, endpoint: Endpoint, room: Chat) -> None:
        self.site = site
        kinds = ["checkout_refusals", "provider_silent"]
        routes = read_routes(
            {
                "routes": [
                    {"name": "pager", "to": endpoint.url, "secret": SECRET, "kinds": kinds},
                    {"name": "chat", "to": f"json://127.0.0.1:{room.port}/alerts", "kinds": kinds},
                ]
            },
            {}, "payonce.toml",
        )  # fmt: skip
        self.senders: list[HttpSender] = []
        # Signatures carry the receiver's time; everything else here is the hand's.
        channels = channels_of(routes, None, None, SystemClock(), self.senders)
        # As there, but for its patience: a machine that is slow to start a process tells nobody later.
        channels["chat"] = AppriseChannel(routes[1].to, seconds=DEADLINE_SECONDS)
        alerting = Alerting({each.route.name: each.route for each in routes}, channels, BASE)
        hand = Hand(site.house.world.for_jobs(), Handlers(_describe), alerting=alerting)
        self.lanes = {name: Lane(find_job(name), hand, [DEFAULT_MERCHANT]) for name in ("watch", "monitor", "alert")}

    def look(self, job: str) -> None:
        """The job looks when its slot comes, and whoever tells looks after it, as every second."""
        self.site.run(self.site.edge.tally.written())
        for lane in (self.lanes[job], self.lanes["alert"], self.lanes["alert"]):
            self.site.run(lane.step())
            assert lane.failures == 0, lane.last_error
        # What is tried again would come a minute later, and nobody would know why.
        tried = self.site.house.rows("SELECT route, state, tries, answer FROM alert_messages")
        assert [each for each in tried if each[1] != "sent"] == []

    async def close(self) -> None:
        for sender in self.senders:
            await sender.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def a_site(stack: ExitStack, house: House) -> tuple[Watchers, Endpoint, Chat]:
    """The application over the house, with people who are told."""
    endpoint, room = stack.enter_context(receiver(SECRET)), stack.enter_context(chat())
    site = Site(house)
    stack.callback(site.close)
    watchers = Watchers(site, endpoint, room)
    stack.callback(lambda: site.run(watchers.close()))
    return watchers, endpoint, room


def test_409_at_every_checkout_for_five_minutes_is_told_at_the_receivers_within_them(
    stack: ExitStack, house: House
) -> None:
    """D13, C17: from the clicks over HTTP to the pager and the chat, once each, while it lasts."""
    watchers, endpoint, room = a_site(stack, house)
    site = watchers.site
    orders = [site.place(f"fee:{number}") for number in range(6)]
    for order in orders:
        site.open_link(order)
        site.pay(order)
        site.deliver()
    house.clock.move(3 * DAY)
    watchers.look("watch")
    assert (endpoint.got, room.got) == ([], [])
    for minute, order in enumerate(orders):
        assert site.open_link(order).status_code == 409
        house.clock.move(MINUTE)
        watchers.look("watch")
        assert len(endpoint.got) == len(room.got) == (1 if minute >= 4 else 0), minute
    [told], [said] = endpoint.got, room.got
    assert told.payload["type"] == "alert"
    assert told.payload["data"]["findings"][0]["kind"] == "checkout_refusals"
    assert told.payload["data"]["title"].startswith("[critical] checkout_refusals")
    assert "most people who want to pay are refused" in told.payload["data"]["text"]
    assert f"{BASE}/v1/findings/fnd_" in told.payload["data"]["text"]
    assert said["title"] == told.payload["data"]["title"] and said["message"].startswith(
        told.payload["data"]["text"][:40]
    )
    assert house.rows("SELECT state FROM alert_messages") == [("sent",), ("sent",)]


def test_nowpayments_paid_by_polling_without_a_notice_ever_is_told_at_the_receivers(
    stack: ExitStack, database_url: str
) -> None:
    """E15, C17: the payment is found by asking, and people hear that the notices do not come."""
    house = House(database_url, seat=nowpayments_seat)
    stack.callback(house.close)
    watchers, endpoint, room = a_site(stack, house)
    house.pay(house.checkout(house.place()))
    house.owed_webhooks()
    house.clock.move(10 * MINUTE)
    house.resolve()
    assert house.rows("SELECT state FROM orders") == [("paid",)]
    watchers.look("monitor")
    assert endpoint.got == []
    house.clock.move(30 * MINUTE)
    watchers.look("monitor")
    [told], [said] = endpoint.got, room.got
    [finding] = told.payload["data"]["findings"]
    assert finding["kind"] == "provider_silent"
    assert house.rows("SELECT provider FROM findings WHERE kind = 'provider_silent'") == [("nowpayments",)]
    assert said["title"] == told.payload["data"]["title"] and "provider_silent" in said["title"]
    house.clock.move(30 * MINUTE)
    watchers.look("monitor")
    assert (len(endpoint.got), len(room.got)) == (1, 1)
