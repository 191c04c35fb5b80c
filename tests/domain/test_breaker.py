"""The breaker's numbers: ten times the usual, and small numbers pass."""

from __future__ import annotations

import pytest

from payonce.domain.breaker import FLOOR_MESSAGES, FLOOR_ROWS, limit, tightest


@pytest.mark.parametrize(
    ("usual", "floor", "most"),
    [
        (None, FLOOR_ROWS, None), (0, FLOOR_ROWS, FLOOR_ROWS), (10, FLOOR_ROWS, FLOOR_ROWS), (500, FLOOR_ROWS, 5_000),
        (3, FLOOR_MESSAGES, FLOOR_MESSAGES), (40, FLOOR_MESSAGES, 400),
    ],
)  # fmt: skip
def test_a_run_may_do_ten_times_its_usual_and_small_numbers_in_any_case(
    usual: int | None, floor: int, most: int | None
) -> None:
    """A19: what is not known yet is no limit, and nothing below the floor trips."""
    assert limit(usual, floor) == most


def test_of_cap_and_usual_the_tighter_one_holds() -> None:
    """A14: a cap holds also where ten times the usual is more."""
    assert tightest(20_000, limit(5_000, FLOOR_ROWS)) == 20_000
    assert tightest(20_000, limit(50, FLOOR_ROWS)) == FLOOR_ROWS
    assert tightest(None, None) is None
