"""Look at providers: whether they call back at all, how late, and what they tell that nobody handles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from payonce.base.ids import first_at
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.look import Found, Look, Looking

CHECKS: Final = queries.load("checks_of_providers")
# Rows that are being written carry ids from before they can be seen; after a minute every transaction has ended.
SETTLED_AFTER: Final = timedelta(minutes=1)
# The first look at an installation that is older than the monitor goes back so far.
_FIRST_LOOK: Final = timedelta(days=2)
_HOUR: Final = timedelta(hours=1)
# Events that one look counts, and those that a p95 is made of.
MOST_EVENTS: Final = 50_000
MOST_MEASURED: Final = 10_000
# Of fewer events p95 is the worst one.
_FEWEST_MEASURED: Final = 5
# A type that did not come for so long is not sent any more.
_FORGOTTEN_AFTER: Final = timedelta(days=30)


@dataclass(slots=True)
class Silence:
    """What is known of an account: its last callback, and the payments that were learnt since without one."""

    provider: str
    account: str
    last_callback_at: datetime | None = None
    first_payment_at: datetime | None = None
    payments: int = 0

    def hear(self, called_at: datetime) -> None:
        """It called back: whatever was learnt before is explained."""
        self.last_callback_at, self.first_payment_at, self.payments = called_at, None, 0

    def is_silent(self, now: datetime, after: timedelta, most_payments: int) -> bool:
        """Whether payments came without a callback: one is enough where there never was any."""
        if self.first_payment_at is None or now - self.first_payment_at < after:
            return False
        return self.last_callback_at is None or self.payments >= most_payments


async def provider_silent(tx: Tx, looking: Looking) -> Look:
    """E15: payments were confirmed, and no callback ever came, or none came any more."""
    now, until = looking.now, looking.now - SETTLED_AFTER
    key = {"merchant_id": looking.merchant_id}
    before = await tx.rows(CHECKS.silences, **key)
    since = max((row.looked_until for row in before), default=now - _FIRST_LOOK)
    window = key | {"from_id": first_at(since), "to_id": first_at(until)}
    calls, payments = await tx.all((CHECKS.events_of_window, window), (CHECKS.payments_of_window, window))
    silences = {
        (row.provider, row.account): Silence(
            row.provider, row.account, row.last_callback_at, row.first_payment_at, row.payments
        )
        for row in before
    }
    _learn(silences, calls, payments)
    known = sorted(silences.items())
    tx.later(
        CHECKS.keep_silences, **key, looked_until=until, providers=[name for (name, _), _ in known],
        accounts=[account for (_, account), _ in known], last_callbacks=[each.last_callback_at for _, each in known],
        first_payments=[each.first_payment_at for _, each in known], payments=[each.payments for _, each in known],
    )  # fmt: skip
    watch = looking.watch
    return Look(
        [_silent(each) for _, each in known if each.is_silent(now, watch.callback_after, watch.silent_payments)]
    )


async def webhook_lag(tx: Tx, looking: Looking) -> Look:
    """The p95 from a provider's making of an event to our receiving it, over the last hour."""
    rows = await tx.rows(
        CHECKS.webhook_lags, merchant_id=looking.merchant_id, from_id=first_at(looking.now - _HOUR), most=MOST_MEASURED
    )
    measured = {f"webhook_lag:{row.provider}:{row.account}": row for row in rows if row.events >= _FEWEST_MEASURED}
    # Without events nobody knows: what was late stays found until events come in time.
    look = Look(unclear={name for name in looking.known_abouts if name not in measured})
    for row in measured.values():
        if row.p95_seconds > looking.watch.webhook_lag.total_seconds():
            says = (
                f"of {row.events} events of the last hour one in twenty came {round(row.p95_seconds)} s late or later"
            )
            detail = {"says": says, "p95_seconds": str(round(row.p95_seconds)), "account": row.account}
            look.found.append(
                Found("webhook_lag", f"{row.provider}:{row.account}", detail, provider=row.provider, counted=row.events)
            )
    return look


async def unhandled_events(tx: Tx, looking: Looking) -> Look:
    """B11: types that nobody handles, counted since they were first found."""
    after = UUID(looking.mark) if looking.mark else first_at(looking.now - _FIRST_LOOK)
    rows = await tx.rows(
        CHECKS.unhandled_of_window, merchant_id=looking.merchant_id, after=after, most=MOST_EVENTS,
        to_id=first_at(looking.now - SETTLED_AFTER),
    )  # fmt: skip
    known, look = looking.known_abouts, Look(mark=max((row.mark for row in rows), default=None))
    look.unclear = {
        name for name, row in known.items() if looking.now - row.last_seen_at < _FORGOTTEN_AFTER
    }  # fmt: skip
    for row in rows:
        if row.events == 0:
            continue
        about = f"{row.provider}:{row.type}"
        before = known.get(f"unhandled_events:{about}")
        events = row.events + (before.counted if before is not None else 0)
        detail = {"says": f"{row.type} came {events} times", "type": row.type, "last_at": row.last_at.isoformat()}
        look.found.append(Found("unhandled_events", about, detail, provider=row.provider, counted=events))
    return look


def _learn(silences: dict[tuple[str, str], Silence], calls: list[Any], payments: list[Any]) -> None:
    """Add what a window brought. A payment is explained by a callback of its window, whichever came first."""
    called = {(row.provider, row.account): row.last_callback_at for row in calls}
    for key in {*called, *((row.provider, row.account) for row in payments)}:
        silences.setdefault(key, Silence(*key))
    for row in payments:
        each = silences[row.provider, row.account]
        if (row.provider, row.account) not in called:
            each.first_payment_at = each.first_payment_at or row.first_payment_at
            each.payments += row.payments
    for key, at in called.items():
        silences[key].hear(at)


def _silent(each: Silence) -> Found:
    heard = "never called back" if each.last_callback_at is None else f"called back last {each.last_callback_at:%F %T}"
    says = f"{each.payments} payments of {each.provider} ({each.account}) were found by asking; it {heard}"
    detail = {"says": says, "account": each.account, "ever": "no" if each.last_callback_at is None else "yes"}
    about = f"{each.provider}:{each.account}"
    return Found(
        "provider_silent", about, detail, provider=each.provider, counted=each.payments, orders=each.payments
    )  # fmt: skip
