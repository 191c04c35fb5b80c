"""What the list of payments says of money: each payment that brought some, and what went back of it.

NOWPayments keeps no list of movements. What a payment is worth is counted as everywhere here (`amounts`); what its fee
is in the currency of the price is not told by the list, so that no fee is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from payonce.base import strict_json
from payonce.base.errors import Refused
from payonce.domain.observation import PaymentSeen, RefundSeen
from payonce.domain.reconciliation import MoneyRecord
from payonce.providers.contract import Call, NotDone, Unknown
from payonce.providers.money import MoneyPage
from payonce.providers.nowpayments.answers import asked_of_list, place_of, refused
from payonce.providers.nowpayments.payments import read_payment
from payonce.providers.nowpayments.wire import Surprise, instant, mapping
from payonce.providers.transport import Answer

# The list is by the time of making. A payment waits for seven days, and late deposits are watched for thirty.
LOOK_BACK: Final = timedelta(days=31)


def understand(call: Call, answer: Answer) -> MoneyPage | NotDone | Unknown:
    """The records of a page. Raises nothing, whatever the bytes."""
    try:
        return _page(call, answer) if 200 <= answer.status < 300 else refused(call, answer)
    except (Refused, Surprise) as error:
        return Unknown(f"the answer was not understood: {error}"[:200])
    except Exception as error:
        return Unknown(f"the answer was not understood: {type(error).__name__}")


def _page(call: Call, answer: Answer) -> MoneyPage:
    page = strict_json.parse_object(answer.body, raw_numbers=True)
    number, pages = place_of(page)
    if str(number) != asked_of_list(call, "page"):
        raise Surprise("another page than was asked for")
    records = tuple(record for payment in map(mapping, page["data"]) for record in records_of(payment))
    return MoneyPage(records, str(number + 1) if number + 1 < pages else None)


def records_of(payment: Mapping[str, Any]) -> Iterator[MoneyRecord]:
    """What came by a payment, and what went back; nothing of one that nobody paid. Raises Surprise."""
    at = instant(payment.get("updated_at")) or instant(payment.get("created_at"))
    charge: MoneyRecord | None = None
    for seen in read_payment(payment):
        if isinstance(seen, PaymentSeen) and seen.captured_minor > 0 and seen.currency is not None:
            if at is None:
                raise Surprise("a payment without its time")
            charge = MoneyRecord(
                f"payment:{seen.ref.id}", "charge", seen.reason, at, seen.captured_minor, 0, seen.currency,
                object=seen.ref, object_minor=seen.captured_minor, object_currency=seen.currency,
                attempt_id=seen.attempt_id,
            )  # fmt: skip
            yield charge
        elif isinstance(seen, RefundSeen) and charge is not None:
            minor = -seen.amount_minor
            yield replace(
                charge, ref=f"refund:{seen.ref.id}", nature="refund", amount_minor=minor, object=seen.ref,
                object_minor=minor, capture=seen.capture,
            )  # fmt: skip
