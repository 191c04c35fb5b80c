"""The accounts that the merchant of a seed has, as one: whatever is asked of all of them goes through here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final
from uuid import UUID

from payonce.base.errors import Refused
from payonce.providers.simulator.party import SentBack
from payonce.simulation.at_nowpayments import AtNowPayments
from payonce.simulation.at_stripe import AtStripe
from payonce.simulation.at_zalopay import AtZaloPay
from payonce.simulation.draw import Draw
from payonce.simulation.provider import Around, Money, Provider

# Every provider that a simulator of ours plays, by its name.
KNOWN: Final[dict[str, type[Provider]]] = {side.name: side for side in (AtStripe, AtZaloPay, AtNowPayments)}


class Providers:
    """The accounts of one run, in the order of the merchant's configuration."""

    def __init__(self, around: Around, sides: Sequence[Provider]) -> None:
        self.around = around
        self._sides = {side.name: side for side in sides}

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._sides.values())

    def of(self, name: str) -> Provider:
        """The account of a provider."""
        return self._sides[name]

    def taking(self, currency: str) -> list[Provider]:
        """Those that take a currency."""
        return [side for side in self if side.takes is None or currency in side.takes]

    @property
    def pace(self) -> float:
        """How much more seldom jobs look in the days of waiting."""
        return max(side.pace for side in self)

    def end_faults(self) -> None:
        """Nothing of them lags behind any more."""
        for side in self:
            side.end_faults()

    def is_meddled(self, story: str | None) -> bool:
        """Whether somebody has charged by hand in that story."""
        return any(story in side.meddled for side in self)

    def captured(self) -> Iterator[tuple[Provider, Money]]:
        """All money that came in in the course of a story, by whom."""
        for side in self:
            for money in side.captured():
                if money.attempt_id in self.around.stories:
                    yield side, money

    def captured_of(self, story: str) -> list[tuple[Provider, Money]]:
        """The money of one story, by whom."""
        return [(side, money) for side in self for money in side.captured_of(story)]

    def able_to_bring_money(self, story: str) -> list[tuple[str, UUID | None]]:
        """Everything of a story that can be paid, is on its way or was paid."""
        return [found for side in self for found in side.able_to_bring_money(story)]

    def under_way(self) -> set[str]:
        """Stories of which somebody is still at work on a payment."""
        return {story for side in self for story in side.under_way()}

    def was_processing(self, story: str) -> bool:
        """Whether a payment of the story was ever on its way."""
        return any(side.was_processing(story) for side in self)

    def can_tell_of(self, ref: str) -> bool:
        """Whether the provider of this money still answers for it."""
        return all(side.can_tell_of(ref) for side, money in self.captured() if money.ref == ref)

    def refunds_by_id(self) -> dict[UUID, list[SentBack]]:
        """What went back by our own refunds."""
        found: dict[UUID, list[SentBack]] = {}
        for side in self:
            for refund_id, made in side.party.truth.refunds_by_id().items():
                found.setdefault(refund_id, []).extend(made)
        return found


def sides_of(draw: Draw, around: Around, names: Sequence[str]) -> list[Provider]:
    """The accounts that the merchant has, of those that can be had: one of them, some or all, in an order of his. The
    one that is named first is had most often.
    """
    unknown = sorted(set(names) - KNOWN.keys())
    if unknown:
        raise Refused(f"nothing here plays {unknown[0]!r}", code="provider_unknown", param="provider")
    if len(names) == 1:
        return [KNOWN[names[0]](around)]
    sets = [chosen for size in range(1, len(names) + 1) for chosen in combinations(names, size)]
    chosen = draw.choose({each: (1.0 + len(each)) * (1 + (names[0] in each)) for each in sets}, "providers")
    ordered = sorted(chosen, key=lambda name: (KNOWN[name].comes_last, draw.uniform("configured", name)))
    return [KNOWN[name](around) for name in ordered]
