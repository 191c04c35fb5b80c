"""The names that ZaloPay's objects have because we chose them: `app_trans_id` of an order, `m_refund_id` of a refund.

Both begin with the day in Vietnam and are made once, from what was stored with the attempt or the refund: at midnight
there (17:00 UTC) a repetition keeps its name. Our own id is in them, so that whatever ZaloPay made can be traced back.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final
from uuid import UUID

from payonce.base import ids
from payonce.base.errors import ensure

# Vietnam has had no other offset since 1975, so no table of zones is needed.
VIETNAM: Final = timezone(timedelta(hours=7))
# "Max length 40" and "max length 45" (order-create, order-refund).
LONGEST_ORDER: Final = 40
LONGEST_REFUND: Final = 45

_ORDER: Final = re.compile(r"[0-9]{6}_([0-9a-f]{32})")
_REFUND: Final = re.compile(r"[0-9]{6}_[0-9]{1,10}_([0-9a-z]{26})")


def order_name(attempt_id: UUID, asked_at: datetime) -> str:
    """The app_trans_id of an attempt: 39 characters. The 36 of a written UUID would not fit behind the day."""
    return _fitting(f"{_day(asked_at)}_{attempt_id.hex}", LONGEST_ORDER)


def attempt_of(app_trans_id: str) -> UUID | None:
    """The attempt that the name was made of, or None: then the order is not ours by its own word."""
    found = _ORDER.fullmatch(app_trans_id)
    return UUID(hex=found[1]) if found else None


def refund_name(refund_id: UUID, asked_at: datetime, app_id: str) -> str:
    """The m_refund_id of a refund: `yymmdd_appid_` and the id's 26 characters of base 32.

    Its 32 hexadecimal digits would make 46 characters with an application number of six digits.
    """
    spelled = ids.show(ids.REFUND, refund_id).removeprefix(f"{ids.REFUND}_")
    return _fitting(f"{_day(asked_at)}_{app_id}_{spelled}", LONGEST_REFUND)


def refund_of(m_refund_id: str) -> UUID | None:
    """The refund that the name was made of, or None: then somebody else asked for it."""
    found = _REFUND.fullmatch(m_refund_id)
    return ids.read_or_none(ids.REFUND, f"{ids.REFUND}_{found[1]}") if found else None


def _day(when: datetime) -> str:
    ensure(when.tzinfo is not None, "a time without zone was given to ZaloPay")
    return when.astimezone(VIETNAM).strftime("%y%m%d")


def _fitting(name: str, longest: int) -> str:
    ensure(len(name) <= longest, f"{name} is longer than ZaloPay takes")
    return name
