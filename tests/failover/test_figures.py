"""What the long runs say of themselves is counted from what was written down."""

from __future__ import annotations

import pytest

from tests.failover import patroni, scripted
from tests.failover.acknowledged import write_gap
from tests.failover.patroni import Outcome
from tests.failover.scripted import Kill


def test_the_gap_is_the_longest_time_without_an_answer_that_ends_after_the_trouble() -> None:
    assert write_gap([0.0, 5.0, 6.0, 8.5, 9.0], 5.5) == 2.5
    # A gap before the trouble is none of its; one that was open when it began is.
    assert write_gap([0.0, 5.0, 9.0, 9.5], 8.0) == 4.0
    # Answers of several callers come in no order.
    assert write_gap([9.0, 6.0, 5.0], 5.5) == 3.0


def test_a_gap_without_an_end_has_no_length() -> None:
    with pytest.raises(ValueError, match="nothing was acknowledged"):
        write_gap([1.0, 2.0], 3.0)


def test_a_lost_answer_and_a_broken_invariant_are_counted() -> None:
    """S12: the summary of a run with losses does not look like one without."""
    fine = Outcome("kill_leader", 60, {}, 1, 9.0, 20.0, "")
    bad = Outcome("switch_over", 90, {"events": ["evt_1", "evt_2"]}, 2, 4.0, 20.0, "S2 BROKEN")
    told = patroni.figures([fine, bad], ["charged 2 times: ord_1"], 60.0)
    assert (told["lost"], told["broken"], told["wrong"]) == (2, ["switch_over"], ["charged 2 times: ord_1"])
    assert "90 acknowledged, 2 lost, write gap median 6.5 s, at most 9.0 s, 2 wrong" in told["summary"]
    assert told["gap_seconds"]["kill_leader"] == {"median": 9.0, "max": 9.0}
    scripted_told = scripted.figures([Kill(60, 0, 0, 0, 0.2, 0.1), Kill(60, 1, 1, 0, 0.4, 0.1)], 9.0)
    assert (scripted_told["lost"], scripted_told["wrong"]) == (1, 1)
