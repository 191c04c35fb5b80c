"""The primary is killed under load and its standby takes over: what was acknowledged is there."""

from __future__ import annotations

import pytest

from tests.failover.scripted import AFTER, BEFORE, Load, kill_once, missing
from tests.support.pair import running_pair
from tests.support.waiting import until


@pytest.mark.slow
def test_what_was_acknowledged_survives_the_primary() -> None:
    """S12: killed under load with a synchronous standby, which is promoted; callers go on by the same address."""
    with running_pair() as pair:
        kill = kill_once(pair)
    assert (kill.lost, kill.told_twice, kill.broken) == (0, 0, 0)
    assert kill.acknowledged >= BEFORE + AFTER


@pytest.mark.slow
def test_a_standby_that_nobody_waits_for_loses_some_and_that_is_noticed() -> None:
    """S12: the same comparison finds what an asynchronous standby did not have, so it would find it above too."""
    with running_pair(is_synchronous=False) as pair:
        load = Load(pair.dsn)
        try:
            until(lambda: len(load.told) >= BEFORE, what="some orders")
            pair.hold_the_standby_back()
            known = len(load.told)
            until(lambda: len(load.told) >= known + AFTER, what="orders that the standby does not have")
        finally:
            load.stop()
        pair.kill_the_primary()
        pair.promote()
        assert missing(pair, load) != set()
