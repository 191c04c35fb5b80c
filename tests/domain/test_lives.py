"""Whatever happens in the life of a purpose, in whatever order: every invariant holds after every act."""

from __future__ import annotations

from hypothesis import given, settings

from payonce.domain.policy import SurplusPolicy
from tests.domain.lives import Act, Life, acts, policies


@settings(max_examples=50, deadline=None, derandomize=True)
@given(policies(), acts())
def test_after_every_act_every_invariant_holds(policy: SurplusPolicy, acts: list[Act]) -> None:
    """X6: every captured amount serves an order, was returned, or is held in an open finding, at every moment."""
    life = Life(policy)
    for act in acts:
        life.live(act)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(policies(), acts())
def test_when_everything_has_ended_all_money_serves_or_is_back_or_is_held_for_a_reason(
    policy: SurplusPolicy, acts: list[Act]
) -> None:
    """C22: what serves no order goes back by itself, unless somebody decided or its provider made that impossible."""
    life = Life(policy)
    for act in acts:
        life.live(act)
    life.quiet()
