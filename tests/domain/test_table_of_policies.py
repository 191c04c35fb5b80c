"""What each choice of a merchant, and each thing that a provider cannot do, makes of money that does not fit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from payonce.domain.policy import SurplusPolicy
from tests.domain.situations import ABLE, KEEPING, UNABLE, build, observation

# The situation, the attempt's state, what is read of it, the policy, whether its provider can send money back; and
# then: the order's state, the findings that hold money, and the refunds with the hours that they wait.
TABLE = """
paid      | closed | exact | second=refund               | yes | paid   | second_charge 5000 | 5000
paid      | closed | exact | second=hold                 | yes | paid   | second_charge 5000 |
paid      | closed | exact | second=refund               | no  | paid   | second_charge 5000 |
paid      | closed | exact | second=hold over=hold       | no  | paid   | second_charge 5000 |
outpaid   | closed | exact | second=hold late=revive     | yes | closed | second_charge 5000 |
outpaid   | closed | exact | second=refund late=hold     | yes | closed | second_charge 5000 | 5000
open      | open   | over  | over=refund                 | yes | paid   | over_payment 700   | 700
open      | open   | over  | over=hold second=refund     | yes | paid   | over_payment 700   |
open      | open   | over  | over=refund                 | no  | paid   | over_payment 700   |
expired   | closed | exact | late=revive                 | yes | paid   |                    |
expired   | closed | exact | late=revive late_else=hold  | no  | paid   |                    |
expired   | closed | exact | late=refund                 | yes | closed | second_charge 5000 | 5000
expired   | closed | exact | late=refund late_else=hold  | yes | closed | second_charge 5000 | 5000
expired   | closed | exact | late=refund                 | no  | closed | second_charge 5000 |
expired   | closed | exact | late=hold                   | yes | closed | late_payment 5000  |
expired   | closed | under | late=refund                 | yes | closed | second_charge 2000 | 2000
expired   | closed | over  | late=revive over=hold       | yes | paid   | over_payment 700   |
displaced | closed | exact | late=revive                 | yes | paid   |                    |
displaced | closed | exact | late=hold                   | yes | closed | late_payment 5000  |
displaced | closed | exact | late=refund                 | yes | closed | second_charge 5000 | 5000
displaced | closed | under | late=revive late_else=hold  | yes | closed | late_payment 2000  |
old       | closed | exact | late=revive late_else=hold  | yes | closed | late_payment 5000  |
old       | closed | exact | late=revive                 | yes | closed | second_charge 5000 | 5000
old       | closed | exact | late=hold                   | yes | closed | late_payment 5000  |
old       | closed | exact | late=refund late_else=hold  | yes | closed | second_charge 5000 | 5000
cancelled | closed | exact | late_else=refund late=hold  | yes | closed | second_charge 5000 | 5000
cancelled | closed | exact | late_else=hold late=refund  | yes | closed | late_payment 5000  |
cancelled | closed | exact | late_else=refund            | no  | closed | second_charge 5000 |
superseded | closed | exact | late_else=refund           | yes | closed | second_charge 5000 | 5000
superseded | closed | exact | late_else=hold             | yes | closed | late_payment 5000  |
expired   | paid   | under | unfinished=refund           | yes | closed | second_charge 2000 | 2000 in 72
expired   | paid   | under | unfinished=hold             | yes | closed | second_charge 2000 |
expired   | paid   | under | unfinished=refund           | no  | closed | second_charge 2000 |
cancelled | paid   | under | unfinished=refund           | yes | closed | second_charge 2000 | 2000
cancelled | paid   | under | unfinished=hold             | yes | closed | second_charge 2000 |
outpaid   | paid   | under | unfinished=hold             | yes | closed | second_charge 2000 | 2000
outpaid   | paid   | under | unfinished=hold second=hold | yes | closed | second_charge 2000 |
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=[" ".join(row[:5]) for row in ROWS])
def test_policy_and_provider_decide_what_becomes_of_the_money(row: list[str]) -> None:
    """X6: money that serves no order goes back, or is held in an open finding, as the merchant chose."""
    name, state, seen, choices, can_refund, order, held, back = row
    chosen: dict[str, Any] = dict(choice.split("=") for choice in choices.split())
    situation = build(name, state, SurplusPolicy(**chosen), ABLE if can_refund == "yes" else KEEPING)
    before = situation.book.now - timedelta(hours=1)
    situation.tell(observation(situation, seen, "read"))
    findings = situation.shelf.open_findings.values()
    mine = {f"{one.kind} {one.money_minor}" for one in findings if one.order_id == situation.order.id}
    assert (situation.order.state, mine) == (order, {held} - {""})
    refunds = []
    for refund in situation.book.refunds.values():
        hours = ((refund.due_at or before) - refund.created_at) // timedelta(hours=1)
        refunds.append(f"{refund.amount_minor} in {hours}" if hours else f"{refund.amount_minor}")
    assert refunds == ([back] if back else [])


def test_where_the_other_attempt_cannot_be_closed_a_person_decides() -> None:
    """X6: the late money is held, urgently, and the other attempt stays as it is."""
    situation = build("rivalled", "closed")
    rival = next(one for one in situation.book.attempts.values() if one is not situation.attempt)
    rival.provider, rival.account = UNABLE
    situation.tell(observation(situation, "exact", "read"))
    assert (rival.state, rival.close_because, situation.book.is_contested) == ("open", None, True)
    assert [one.kind for one in situation.shelf.open_findings.values()] == ["late_payment"]
