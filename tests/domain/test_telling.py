"""Whom a decision tells: by the word of the run, by age, and never what was paid for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from payonce.domain.observation import Observation, PaymentSeen
from payonce.domain.settling import happened_at
from payonce.domain.telling import Notify, Telling
from tests.domain.purposes import NOW, an_attempt, an_order, join, new_book, payment

HOUR = timedelta(hours=1)
OLD = NOW - 25 * HOUR


@pytest.mark.parametrize(
    ("notify", "nature", "silent", "happened", "why"),
    [
        ("send", "notification", None, None, None),
        ("send", "notification", None, NOW - HOUR, None),
        ("send", "notification", None, OLD, "too_old"),
        ("preview", "notification", None, None, "preview"),
        ("preview", "notification", None, OLD, "too_old"),
        ("never", "notification", None, None, "run_tells_nobody"),
        ("send", "notification", "duplicate", None, "duplicate"),
        ("never", "fulfilment", None, None, None),
        ("preview", "fulfilment", None, OLD, None),
        ("send", "fulfilment", "duplicate", OLD, None),
    ],
)
def test_a_notification_is_told_or_silent_and_fulfilment_is_never_held_back(
    notify: Notify, nature: str, silent: str | None, happened: datetime | None, why: str | None
) -> None:
    """A13: by the word of the run; A5: by age; S20: fulfilment is never suppressed."""
    assert Telling(notify).why_silent(nature, silent, happened, NOW) == why


def test_a_payment_happened_when_its_event_says_else_as_late_as_is_known() -> None:
    """A5: rather too early than too late, so that nobody is told of an old success."""
    attempt = an_attempt(an_order(), 1, "open", created_at=NOW - 30 * HOUR)
    book = new_book(an_order(), attempts=[attempt])
    read = payment(attempt, captured=5000, source="poll")
    assert happened_at(book, attempt, read, NOW - HOUR) == NOW - HOUR
    assert happened_at(book, attempt, read) == NOW - 30 * HOUR
    attempt.seen_at = NOW - 2 * HOUR
    assert happened_at(book, attempt, read) == NOW - 2 * HOUR
    assert happened_at(book, attempt, _at(read, NOW - 3 * HOUR)) == NOW - 2 * HOUR
    assert happened_at(book, attempt, _at(read, NOW - HOUR)) == NOW - HOUR


def test_what_a_read_only_confirms_happened_when_it_was_recorded() -> None:
    """A5: a late payment that an event told of is news when a read confirms it, however old its attempt is."""
    attempt = an_attempt(an_order(), 1, "open", created_at=NOW - 30 * HOUR)
    book = new_book(an_order(), attempts=[attempt])
    read = payment(attempt, captured=5000, source="poll")
    join(book, attempt, payment(attempt, captured=5000))
    assert happened_at(book, attempt, read) == book.now


def _at(observation: Observation, at: datetime) -> Observation:
    assert isinstance(observation.seen, PaymentSeen)
    return replace(observation, seen=replace(observation.seen, happened_at=at))
