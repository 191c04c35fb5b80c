"""A route that hangs holds up nobody but itself, and is not called a second time meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from payonce.base.ids import Ids
from payonce.domain.alert import Route
from payonce.domain.delivering import Accepted, Outcome
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import SystemClock
from payonce.drivers.postgres_async import AsyncDatabase
from payonce.notify.side_by_side import Aside
from payonce.usecases.alert import alert
from payonce.usecases.alerting import Alerting, Message
from payonce.usecases.world import World
from tests.support.alarms import Alarms, Phone
from tests.support.house import House


class Hanging:
    """Takes a message and does not answer until it is let go."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.let_go = asyncio.Event()

    async def tell(self, message: Message, /) -> Outcome:
        self.got.append(message)
        await self.let_go.wait()
        return Accepted("late")


def over(database_url: str, live: Callable[[World], Awaitable[None]]) -> None:
    """Run with a database on asyncio, as the service does."""

    async def run() -> None:
        clock, chance = SystemClock(), SystemChance()
        database = AsyncDatabase(database_url, clock=clock, chance=chance, connections=4)
        await database.open()
        try:
            await live(World(database, clock, Ids(clock, chance), chance, {}, {}))
        finally:
            await database.close()

    asyncio.run(run())


def test_a_hanging_route_does_not_hold_up_the_others(house: House, database_url: str) -> None:
    """C17: at once, whatever another receiver does."""
    alarms = Alarms(house)

    async def live(world: World) -> None:
        slow, quick, aside = Hanging(), Phone(), Aside(patience_seconds=0.05)
        routes = {name: Route(name, group=timedelta()) for name in ("slow", "quick")}
        alerting = Alerting(routes, {"slow": slow, "quick": quick}, "", aside)
        for number in range(3):
            alarms.find(about=str(number))
            await alert(world, "default", alerting)
        assert len(quick.got) == 3
        # It has one call under way; what came since waits for it, together.
        assert (len(slow.got), list(aside.busy())) == (1, ["slow"])
        slow.let_go.set()
        await aside.close()
        assert list(aside.busy()) == []
        await alert(world, "default", alerting)
        assert [message.data["count"] for message in slow.got] == [1, 2]

    over(database_url, live)
    assert set(alarms.states()) == {"sent"}


def test_what_is_under_way_when_the_process_stops_is_waited_for(house: House, database_url: str) -> None:
    alarms = Alarms(house)

    async def live(world: World) -> None:
        slow, aside = Hanging(), Aside(patience_seconds=0.01)
        alarms.find()
        await alert(world, "default", Alerting({"slow": Route("slow")}, {"slow": slow}, "", aside))
        assert alarms.states() == ["claimed"]
        closing = asyncio.create_task(aside.close())
        await asyncio.sleep(0)
        slow.let_go.set()
        await closing

    over(database_url, live)
    assert alarms.states() == ["sent"]
