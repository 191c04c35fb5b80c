"""Every provider that comes with payonce keeps every rule of the suite."""

from __future__ import annotations

import pytest

from payonce.testing.conformance import Check, checks
from tests.conformance.cases import CASES

CHECKS = [(type(case).__name__.removesuffix("Case"), check) for case in CASES for check in checks(case)]


@pytest.mark.parametrize("check", [pytest.param(check, id=f"{name}: {check}") for name, check in CHECKS])
def test_every_provider_keeps_every_rule(check: Check) -> None:
    """C6: among many others: what is told twice has one name, so that it is processed once."""
    check()
