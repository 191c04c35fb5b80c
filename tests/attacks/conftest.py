"""Attacks: what somebody tries who wants payonce to charge twice, to lose money, to block a payer or to tell lies."""

from __future__ import annotations

from tests.promises.conftest import build, house

__all__ = ("build", "house")
