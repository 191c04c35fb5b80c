"""Allowances: five a minute, and whoever comes when told is never refused."""

from __future__ import annotations

import heapq
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from payonce.api.limits import Allowances, Misses
from tests.support.clocks import HandClock


def test_no_minute_holds_more_than_five_whatever_is_asked() -> None:
    """E9: five requests a minute."""
    clock = HandClock()
    allowances: Allowances[str] = Allowances(clock)
    granted = []
    for _ in range(600):
        if allowances.ask("caller").granted:
            granted.append(clock.now())
        clock.move(1)
    assert len(granted) > 30
    for early, late in zip(granted, granted[5:], strict=False):
        assert late - early >= timedelta(seconds=60)


@settings(max_examples=60, deadline=None)
@given(
    starts=st.lists(st.floats(min_value=0, max_value=300), min_size=1, max_size=4),
    lateness=st.lists(st.floats(min_value=0, max_value=3), min_size=1, max_size=20),
)
def test_several_windows_of_one_caller_that_obey_are_never_refused(starts: list[float], lateness: list[float]) -> None:
    """X11: a client that obeys never meets the limit, also with several tabs open."""
    clock = HandClock()
    allowances: Allowances[str] = Allowances(clock)
    began = clock.now()
    due = [(start, str(tab), "load") for tab, start in enumerate(starts)]
    heapq.heapify(due)
    for step in range(60):
        at, tab, what = heapq.heappop(due)
        clock.move(max(0.0, at - (clock.now() - began).total_seconds()))
        if what == "load":
            wait = allowances.start_over("caller", tab=tab)
        else:
            answer = allowances.ask("caller", tab=tab)
            assert answer.granted
            wait = answer.retry_after_seconds
        heapq.heappush(due, (at + wait + lateness[step % len(lateness)], tab, "poll"))


def test_a_page_that_is_loaded_anew_waits_five_seconds_again() -> None:
    """E8: backs off 5, 10, 20, then every 40 s."""
    clock = HandClock()
    allowances: Allowances[str] = Allowances(clock)
    for expected in (5, 10, 20, 40):
        wait = allowances.ask("caller", tab="a").retry_after_seconds
        assert wait == expected
        clock.move(wait)
    assert allowances.start_over("caller", tab="a") == 5


def test_memory_is_bounded_and_what_is_forgotten_is_only_forgiven() -> None:
    clock = HandClock()
    allowances: Allowances[int] = Allowances(clock, most=10)
    for caller in range(1000):
        for _ in range(6):
            allowances.ask(caller, tab=str(caller))
    assert len(allowances._callers) == 10
    assert allowances.ask(0).granted
    misses: Misses[int] = Misses(clock, most_misses=3, most=10)
    for caller in range(1000):
        misses.note(caller)
    assert len(misses._seen) == 10


def test_too_many_misses_wait_until_the_oldest_is_a_minute_old() -> None:
    clock = HandClock()
    misses: Misses[str] = Misses(clock, most_misses=3)
    for _ in range(3):
        assert misses.wait_seconds("caller") == 0
        misses.note("caller")
        clock.move(10)
    assert misses.wait_seconds("caller") == 30
    assert misses.wait_seconds("another") == 0
    clock.move(30)
    assert misses.wait_seconds("caller") == 0
