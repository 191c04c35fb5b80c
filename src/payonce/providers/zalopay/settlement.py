"""The settlement file of a day: what came and went back, one row each. ZaloPay has no list, so this is its truth.

The form of the file is agreed with each merchant and not published, so the columns that are taken are written here and
in the documents; a file with other names is given these. Amounts are whole dong, times those of Vietnam.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from payonce.base.money import LARGEST_MINOR
from payonce.domain.observation import Ref
from payonce.domain.reconciliation import MoneyRecord
from payonce.providers.zalopay.names import VIETNAM, attempt_of
from payonce.providers.zalopay.wire import CURRENCY

# A day of the file is a day in Vietnam.
HOURS_AHEAD: Final = 7
# `type` is payment or refund; `m_refund_id` is empty in payments; `fee` is what ZaloPay keeps.
COLUMNS: Final = ("type", "zp_trans_id", "app_trans_id", "m_refund_id", "amount", "fee", "time")
# "2026-11-19 23:59:58".
_TIME: Final = "%Y-%m-%d %H:%M:%S"
_USUAL: Final = len("2026-11-19 23:59:58")


def read_row(row: Mapping[str, str]) -> MoneyRecord | None:
    """The record of a row. Raises ValueError, saying what is wrong with it."""
    kind, transaction = row["type"].lower(), _named(row["zp_trans_id"], "zp_trans_id")
    amount, fee = _dong(row["amount"], "amount"), _dong(row["fee"] or "0", "fee")
    at = _moment(row["time"])
    attempt_id = attempt_of(row["app_trans_id"])
    paid_by = Ref("transaction", transaction)
    if kind == "payment":
        return MoneyRecord(
            f"payment:{transaction}", "charge", kind, at, amount, fee, CURRENCY, object=paid_by, object_minor=amount,
            object_currency=CURRENCY, attempt_id=attempt_id,
        )  # fmt: skip
    if kind == "refund":
        refund = _named(row["m_refund_id"], "m_refund_id")
        return MoneyRecord(
            f"refund:{refund}", "refund", kind, at, -amount, fee, CURRENCY, object=Ref("refund", refund),
            object_minor=-amount, object_currency=CURRENCY, capture=paid_by, attempt_id=attempt_id,
        )  # fmt: skip
    raise ValueError(f"type is payment or refund, not {row['type']!r:.40}")


def _named(text: str, column: str) -> str:
    if not text or len(text) > 64 or not text.isprintable():
        raise ValueError(f"{column} names nothing")
    return text


def _dong(text: str, column: str) -> int:
    """A whole amount; 120000, 120.000 and 120,000 are the same, because dong have no decimals."""
    digits = text.replace(".", "").replace(",", "")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 16 or int(digits) > LARGEST_MINOR:
        raise ValueError(f"{column} is no whole amount of dong: {text!r:.40}")
    return int(digits)


def _moment(text: str) -> datetime:
    try:
        if len(text) == _USUAL and text[4:17:3] == "-- ::":
            # As nearly every row has it, and read ten times as fast; the other way takes what has no noughts in front.
            return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)
        return datetime.strptime(text, _TIME).replace(tzinfo=VIETNAM)
    except ValueError:
        raise ValueError(f"time is like 2026-11-19 23:59:58, in Vietnam, not {text!r:.40}") from None
