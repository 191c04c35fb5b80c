"""What an answer says of its own time, by which quiet lists move on: a date that nobody can read is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from payonce.providers.transport import Answer

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "said", ["Fri, 20 Nov 2026 12:00:00 GMT", "Fri, 20 Nov 2026 19:00:00 +0700", "Fri, 20 Nov 2026 12:00:00 -0000"]
)
def test_an_answer_says_when_it_was_made(said: str) -> None:
    """A11: the provider's clock, whatever zone it is written in."""
    assert Answer(200, (("date", said),)).made_at == NOON


@pytest.mark.parametrize(
    "said", ["", "noon", "1763640000", "Fri, 99 Nov 2026 12:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -0100"]
)
def test_a_date_that_nobody_can_read_is_none(said: str) -> None:
    """A11: a list whose provider says nonsense moves on by its entries alone, and no walk breaks."""
    assert Answer(200, (("date", said),)).made_at is None


def test_an_answer_without_a_date_says_nothing() -> None:
    assert Answer(200).made_at is None
