"""The rate of refused and failed checkouts is measured beside the answers, and found within minutes."""

from __future__ import annotations

from typing import Any

from payonce.base.errors import Unavailable
from payonce.store.database import Database
from payonce.usecases.list_findings import FindingView, list_findings
from payonce.usecases.monitor import monitor
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.api.conftest import OpenSite
from tests.support.site import Site


def look(site: Site) -> list[FindingView]:
    """What the watching job finds now, with everything counted that was answered."""
    site.run(written(site))
    did = site.house.run(monitor(site.house.world, DEFAULT_MERCHANT, only=["checkout_refusals"]))
    assert did.failed == {}
    return site.house.run(list_findings(site.house.world, DEFAULT_MERCHANT, state="unresolved"))


async def written(site: Site) -> None:
    await site.app.state.edge.tally.written()


def paid_orders(site: Site, count: int) -> list[dict[str, Any]]:
    orders = [site.place(f"fee:{number}") for number in range(count)]
    for order in orders:
        site.open_link(order)
        site.pay(order)
        site.deliver()
    return orders


def test_409_at_every_checkout_for_five_minutes_is_found(site: Site) -> None:
    """D13: every person who opens a link is refused, a person a minute: found by the fifth, critical when it lasts."""
    orders = paid_orders(site, 5)
    site.house.clock.move(3 * 86400)
    for minute in range(5):
        assert look(site) == [], minute
        for _ in range(3):
            assert site.open_link(orders[minute]).status_code == 409
        site.house.clock.move(60)
    [refused] = look(site)
    assert (refused.kind, refused.severity, refused.counted) == ("checkout_refusals", "critical", 5)


def test_people_who_are_let_in_raise_nothing(site: Site) -> None:
    """D13: one in four refused is a day like any other."""
    [paid] = paid_orders(site, 1)
    site.house.clock.move(3 * 86400)
    for number in range(12):
        order = paid if number % 4 == 0 else site.place(f"open:{number}")
        site.open_link(order)
    assert look(site) == []


def test_it_resolves_by_itself_when_people_are_let_in_again_and_not_by_silence(site: Site) -> None:
    """D13: nobody coming any more is no sign that they could pay."""
    orders = paid_orders(site, 6)
    site.house.clock.move(3 * 86400)
    for order in orders:
        site.open_link(order)
    assert len(look(site)) == 1
    site.house.clock.move(1200)
    assert len(look(site)) == 1
    site.open_link(site.place("open:1"))
    assert look(site) == []


class Outage:
    """A store that does not answer while it is down."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.is_down = False

    async def transaction(self, work: Any, *, name: str, read_only: bool = False) -> Any:
        """Pass on, or be silent."""
        if self.is_down:
            raise Unavailable("the database does not answer", code="store_unavailable")
        return await self.database.transaction(work, name=name, read_only=read_only)


def test_a_store_that_does_not_answer_loses_no_count(open_site: OpenSite) -> None:
    """D13: counts are kept until they can be written, and written once."""
    outages: list[Outage] = []

    def behind_an_outage(database: Database) -> Database:
        outages.append(Outage(database))
        return outages[-1]

    site = open_site({"database": behind_an_outage})
    order = site.place()
    for is_down in (True, False, False):
        if is_down:
            site.open_link(order)
        outages[0].is_down = is_down
        site.run(written(site))
    assert site.house.rows("SELECT outcome, answers FROM checkout_counts") == [("new", 1)]
