"""What an alert says: what it means, how much money, which order, what to do next, and where to look. Pure.

One message tells of one finding, or of many of a kind with their number, sums and largest. It names ids, amounts and
nothing of a payer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from payonce.base import ids, money
from payonce.domain.alert import SILENCE_ENDED, Tone
from payonce.domain.finding import KINDS

# What a person takes in at a glance; the rest is behind the link.
MOST_SHOWN: Final = 5
# What a program gets in one webhook.
MOST_TOLD: Final = 100
SEVERITIES: Final = ("critical", "warning", "notice")


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as a message tells it."""

    id: UUID
    kind: str
    severity: str
    state: str
    owner: str
    order_id: UUID | None
    money_minor: int
    currency: str | None
    first_seen_at: datetime
    deadline_at: datetime
    changed_as: str = "opened"

    @property
    def amount(self) -> str:
        """The money that it is about, for people; empty where it is about none."""
        return money.show(self.money_minor, self.currency) if self.currency and self.money_minor else ""


@dataclass(frozen=True, slots=True)
class Ended:
    """A silence that has ended, as its announcement tells it."""

    id: UUID
    scope: str
    author: str
    reason: str
    ended_by: str | None
    held: int


@dataclass(frozen=True, slots=True)
class Text:
    """A message in words for people, and as data for programs."""

    title: str
    body: str
    severity: str
    data: dict[str, Any]


def text_of(kind: str, tone: Tone, told: Sequence[Told], ended: Ended | None, base_url: str, merchant_id: str) -> Text:
    """The message about findings of one kind, or about the end of a silence with what it held that is still open."""
    largest = sorted(told, key=lambda each: (SEVERITIES.index(_severity(each)), -each.money_minor, each.id))
    severity = _severity(largest[0]) if largest and tone == "raised" else "notice"
    if kind == SILENCE_ENDED and ended is not None:
        title, lines = _of_silence(ended, largest, base_url)
    elif tone == "resolved":
        title, lines = _of_resolved(kind, largest, base_url)
    else:
        title, lines = _of_raised(kind, severity, largest, base_url)
    if merchant_id != "default":
        lines.append(f"Merchant: {merchant_id}")
    return Text(title, "\n".join(lines), severity, _data(kind, tone, severity, largest, ended, base_url, merchant_id))


def link_of(finding_id: UUID, base_url: str) -> str:
    """Where a finding is looked at."""
    return f"{base_url}/v1/findings/{ids.show(ids.FINDING, finding_id)}"


def sums(told: Sequence[Told]) -> dict[str, int]:
    """The money of all by currency, in minor units."""
    found: Counter[str] = Counter()
    for each in told:
        if each.currency and each.money_minor:
            found[each.currency] += each.money_minor
    return dict(sorted(found.items()))


def _of_raised(kind: str, severity: str, told: Sequence[Told], base_url: str) -> tuple[str, list[str]]:
    known = KINDS.get(kind)
    lines = [f"{known.means}." if known else "This release does not know what it means; a newer one wrote it."]
    at_risk = f"{_money(told)} at risk" if sums(told) else ""
    if len(told) == 1:
        one = told[0]
        title = f"[{severity}] {kind}{_word(one.changed_as)}{f': {at_risk}' if at_risk else ''}"
        lines += [_line(one), f"Owner: {one.owner}, until {one.deadline_at:%Y-%m-%d %H:%M} UTC"]
    else:
        title = f"[{severity}] {len(told)} × {kind}{f': {at_risk}' if at_risk else ''}"
        lines += _several(told)
    if known:
        lines.append(f"Next: {known.next_step}")
    lines.append(link_of(told[0].id, base_url) if len(told) == 1 else _list_link(base_url))
    return title, lines


def _of_resolved(kind: str, told: Sequence[Told], base_url: str) -> tuple[str, list[str]]:
    count = f"{len(told)} × " if len(told) > 1 else ""
    lines = [_line(told[0])] if len(told) == 1 else _several(told)
    lines.append("Nothing is to be done any more.")
    link = link_of(told[0].id, base_url) if len(told) == 1 else _list_link(base_url)
    return f"[resolved] {count}{kind}", [*lines, link]


def _of_silence(ended: Ended, told: Sequence[Told], base_url: str) -> tuple[str, list[str]]:
    by = f"{ended.ended_by} ended it" if ended.ended_by else "its time is over"
    lines = [f"{ended.author} asked for silence about {ended.scope}, because: {ended.reason}. Now {by}."]
    if told:
        lines += [f"It held {ended.held} alerts; of their findings {len(told)} are still open:", *_several(told)]
    else:
        lines.append(f"It held {ended.held} alerts; none of their findings is open any more.")
    return f"[silence ended] {ended.scope}", [*lines, _list_link(base_url)]


def _several(told: Sequence[Told]) -> list[str]:
    together = [f"Together: {_money(told)}"] if sums(told) else []
    more = [f"… and {len(told) - MOST_SHOWN} more"] if len(told) > MOST_SHOWN else []
    return [*together, *(f"• {_line(each)}" for each in told[:MOST_SHOWN]), *more]


def _line(one: Told) -> str:
    order = ids.show(ids.ORDER, one.order_id) if one.order_id else ""
    return ", ".join(part for part in (one.amount, order, ids.show(ids.FINDING, one.id)) if part)


def _word(changed_as: str) -> str:
    return "" if changed_as == "opened" else f" ({changed_as})"


def _money(told: Sequence[Told]) -> str:
    return " + ".join(money.show(minor, currency) for currency, minor in sums(told).items())


def _list_link(base_url: str) -> str:
    return f"{base_url}/v1/findings?state=open"


def _severity(one: Told) -> str:
    return one.severity if one.severity in SEVERITIES else "critical"


def _data(
    kind: str, tone: Tone, severity: str, told: Sequence[Told], ended: Ended | None, base_url: str, merchant_id: str
) -> dict[str, Any]:
    shown = [
        {
            "id": ids.show(ids.FINDING, each.id), "kind": each.kind, "severity": each.severity, "state": each.state,
            "changed_as": each.changed_as, "owner": each.owner,
            "order_id": ids.show(ids.ORDER, each.order_id) if each.order_id else None,
            "money_minor": each.money_minor, "currency": each.currency, "link": link_of(each.id, base_url),
        }
        for each in told[:MOST_TOLD]
    ]  # fmt: skip
    silence = None if ended is None else {
        "id": ids.show(ids.SILENCE, ended.id), "scope": ended.scope, "author": ended.author, "reason": ended.reason,
        "held": ended.held,
    }  # fmt: skip
    return {
        "merchant_id": merchant_id, "kind": kind, "tone": tone, "severity": severity, "count": len(told),
        "money_minor": sums(told), "findings": shown, "silence": silence,
    }  # fmt: skip
