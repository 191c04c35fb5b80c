"""Reads of orders that are gathered: each reader gets his own answer, and many cost what one costs."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from payonce.api.readings import Readings
from payonce.base.errors import Refused, Unavailable
from payonce.base.ids import ORDER, read
from payonce.drivers.transaction import Moment
from tests.api.conftest import OpenSite
from tests.support.line import Line
from tests.support.site import Site


class Watch:
    """Counts transactions."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()

    async def __call__(self, moment: Moment) -> None:
        self.begun[moment.transaction] += moment.stage == "before_begin"


def at_once(*reads: Any) -> list[Any]:
    """What each of them comes to, or raises."""

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*reads, return_exceptions=True)

    return asyncio.run(all_of_them())


def test_many_readers_at_the_same_moment_are_answered_by_one_read(open_site: OpenSite) -> None:
    """E6: by link and by id, each his own order, also where one of them asks for what there is not."""
    watch = Watch()
    site = open_site(house={"observer": watch})
    orders = [site.place(f"fee:{number}") for number in range(20)]
    readings, before = Readings(site.house.world), watch.begun.copy()
    tokens = [order["status_url"].rpartition("/")[2] for order in orders]
    by_id = [read(ORDER, order["id"]) for order in orders]
    found = at_once(
        *(readings.by_token(token) for token in tokens), *(readings.by_id("default", one) for one in by_id),
        readings.by_token("0" * 26), readings.by_id("default", site.house.world.ids.new()),
    )  # fmt: skip
    assert [view.id for view in found[:20]] == [view.id for view in found[20:40]] == by_id
    assert [(type(each), each.code) for each in found[40:]] == [(Refused, "link_unknown"), (Refused, "order_unknown")]
    assert watch.begun - before == {"read_order": 1}


def test_nobody_makes_a_queue_by_naming_a_merchant(site: Site) -> None:
    readings = Readings(site.house.world)
    token = site.place()["status_url"].rpartition("/")[2]
    found = at_once(*(readings.by_token(f"{token}-nobody_{number}") for number in range(50)), readings.by_token("no"))
    assert {each.code for each in found} == {"link_unknown"}
    assert len(readings._gatherer._waiting) == 0


def test_where_the_store_does_not_answer_every_reader_is_told_so(cut_site: tuple[Site, Line]) -> None:
    site, line = cut_site
    tokens = [site.place(f"fee:{number}")["status_url"].rpartition("/")[2] for number in range(3)]
    line.close()
    found = at_once(*(Readings(site.house.world).by_token(token) for token in tokens))
    assert [type(each) for each in found] == [Unavailable] * 3


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/html"}], ids=["json", "page"])
def test_a_link_that_nobody_opened_before_is_looked_up_with_its_order(
    open_site: OpenSite, headers: dict[str, str]
) -> None:
    """One transaction, and what it says was read for this very request; the next reader a moment later costs none."""
    watch = Watch()
    site = open_site(house={"observer": watch})
    url, before = site.place()["status_url"], watch.begun.copy()
    first, second = (site.ask("GET", url, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert (watch.begun - before)["read_order"] == 1 and (watch.begun - before)["find_by_token"] == 0
    if not headers:
        assert (first.json()["cached"], second.json()["cached"]) == (False, True)
