"""What an adapter must do, whichever provider it is for: a suite that a package runs against its own adapter.

    CASE = AcmeCase()

    @pytest.mark.parametrize("check", checks(CASE), ids=str)
    def test_acme_keeps_the_rules(check):
        check()

Every check is one rule at one way to pay; what fails names the rule. It needs pytest, or whatever calls functions, and
hypothesis. A provider's own peculiarities are for its own tests.
"""

from __future__ import annotations

from payonce.testing.conformance import (
    closing,
    creating,
    garbage,
    honesty,
    listing,
    notices,
    refunding,
    statuses,
    unknowns,
)
from payonce.testing.conformance.bench import Bench, Made
from payonce.testing.conformance.case import CALLBACK_URL, Case, Notice, Situation, What
from payonce.testing.conformance.rules import RULES, Broken, Check, Rule
from payonce.testing.conformance.rules import checks_of as checks

# The rules entered themselves when their modules were imported; this is the order in which they are read.
SUBJECTS = (creating, unknowns, statuses, notices, closing, refunding, listing, honesty, garbage)
RULES.sort(key=lambda rule: [each.__name__ for each in SUBJECTS].index(rule.examine.__module__))

__all__ = (
    "CALLBACK_URL", "RULES", "SUBJECTS", "Bench", "Broken", "Case", "Check", "Made", "Notice", "Rule", "Situation",
    "What", "checks",
)  # fmt: skip
