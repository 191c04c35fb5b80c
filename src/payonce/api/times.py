"""How instants are written: RFC 3339 in UTC for programs, plain words for people."""

from __future__ import annotations

from datetime import UTC, datetime


def when(at: datetime | None) -> str | None:
    """`2026-11-20T12:00:00.000Z`, or None."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def day_and_time(at: datetime | str) -> str:
    """`20 November 2026, 12:00 UTC`."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment.astimezone(UTC):%-d %B %Y, %H:%M} UTC"
