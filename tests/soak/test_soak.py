"""The soak with kills, short: everything is killed and stopped once under load, and what is told of it is counted."""

from __future__ import annotations

import random

import pytest

from payonce.base import ids
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from tests.failover.load import finish, lost, wrong_at_the_end
from tests.soak.__main__ import Told, draw, figures, live_through
from tests.soak.ground import TROUBLES, part_of, running_ground

# A moment, in which everybody is in the middle of something.
LASTING = 0.5
# Two at once, so that all have happened after four times.
PAIRS = (
    ("kill_database", "kill_worker"), ("freeze_database", "freeze_worker"), ("kill_proxy", "kill_service"),
    ("freeze_proxy", "freeze_service"),
)  # fmt: skip


@pytest.mark.slow
def test_whatever_is_killed_or_stands_still_nothing_acknowledged_is_lost() -> None:
    """S12, E16: service, worker, proxy and database; and two of them at once."""
    with running_ground() as ground:
        for names in PAIRS:
            assert live_through(ground, names, LASTING) >= 0
            assert ground.load.failures == []
        finish(ground.load, ground.direct)
        assert wrong_at_the_end(ground.load, ground.direct) == []
        assert ground.ended() == []
        nobodys = ids.show(ids.ORDER, ids.Ids(BlockingClock(), SystemChance()).new())
        # What is not there is found to be missing.
        assert lost(ground.direct, {"orders": {nobodys, *ground.load.answers.ids("orders")}}) == {"orders": [nobodys]}
        ground.worker.kill()
        assert len(ground.ended()) == 1


def test_everything_is_drawn_sometimes_and_no_part_twice_at_once() -> None:
    assert {name for names in PAIRS for name in names} == TROUBLES.keys()
    chance = random.Random(5)
    drawn = [draw(chance) for _ in range(400)]
    assert {name for names, _ in drawn for name in names} == TROUBLES.keys()
    assert all(len({part_of(name) for name in names}) == len(names) for names, _ in drawn)
    # Past every lease sometimes, and mostly not.
    assert 0 < sum(seconds > 31 for _, seconds in drawn) < len(drawn) / 4


def test_what_is_lost_or_wrong_is_counted() -> None:
    told = Told(90.0, gaps=[1.0, 3.0], acknowledged=40, lost={"events": ["evt_1", "evt_2"]}, wrong=["charged 2 times"])
    told.troubles.update(["kill_worker"])
    said = figures(told, 180.0)
    assert (said["lost"], said["wrong"], said["minutes"], said["wanted_minutes"]) == (2, ["charged 2 times"], 1.5, 3.0)
    assert "1 kills and stops" in said["summary"] and "2 lost" in said["summary"] and "1 wrong" in said["summary"]
