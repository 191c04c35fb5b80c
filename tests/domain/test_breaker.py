"""The breaker's numbers: ten times the usual, and small numbers pass."""

from __future__ import annotations

import pytest

from payonce.domain.breaker import Breaker, tightest


@pytest.mark.parametrize(("usual", "most"), [(None, None), (0, 1_000), (10, 1_000), (500, 5_000)])
def test_a_run_may_do_ten_times_its_usual_and_small_numbers_in_any_case(usual: int | None, most: int | None) -> None:
    """A19: what is not known yet is no limit, and nothing below the floor trips."""
    assert Breaker().rows(usual) == most


@pytest.mark.parametrize(("usual", "most"), [(None, None), (3, 250), (40, 400)])
def test_the_same_holds_of_messages(usual: int | None, most: int | None) -> None:
    """A19: with a floor of their own."""
    assert Breaker().messages(usual) == most


def test_an_installation_may_choose_other_numbers() -> None:
    """A19: each of them is a setting."""
    wide = Breaker(factor=20, floor_rows=10, floor_messages=5)
    assert (wide.rows(0), wide.rows(3), wide.messages(0), wide.messages(2)) == (10, 60, 5, 40)


def test_of_cap_and_usual_the_tighter_one_holds() -> None:
    """A14: a cap holds also where ten times the usual is more."""
    assert tightest(20_000, Breaker().rows(5_000)) == 20_000
    assert tightest(20_000, Breaker().rows(50)) == 1_000
    assert tightest(None, None) is None
