"""Attacks: what somebody tries who wants payonce to charge twice, to lose money, to block a payer or to tell lies.

How many bad inputs were tried stands in the summary of the run.
"""

from __future__ import annotations

from typing import Final

from tests.promises.conftest import build, house

__all__ = ("build", "house")
BAD_INPUTS: Final = "bad inputs"
