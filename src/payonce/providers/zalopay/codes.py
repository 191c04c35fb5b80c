"""What ZaloPay's codes mean. HTTP says 200 to everything; `return_code` is 1 (success), 2 (fail) or 3 (processing), and
`sub_return_code` says why.

A row stands here only where the documentation says so (docs.zalopay.vn: status-codes, order-query, order-refund). What
has no row is unknown and never failed; so is every answer whose `return_code` is negative, as one of two documents
writes errors of the system.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SUCCESS: Final = 1
FAIL: Final = 2
PROCESSING: Final = 3

DUPLICATE_ORDER: Final = -68
DUPLICATE_REFUND: Final = -23
NOT_KNOWN: Final = -101

# With `return_code` 2, of any call: nothing was done, because the request was not let in.
NOT_LET_IN: Final[Mapping[int | None, str]] = {-401: "illegal_data", -402: "provider_auth", -429: "rate_limited"}
# Of these the same request can succeed later.
PASSES: Final = frozenset({"rate_limited"})

# An order that is asked for. Terminal: it expired, and cannot be paid any more.
EXPIRED: Final = -54
# One try to pay it failed. The documentation tells the payer to try again while the order lives ("if the order has not
# expired, the user can top up and try again"), so the order is as payable as before and must not be replaced by
# another one that would stand beside it. -49, of older documents, "may have been successful": it has no row.
TRY_FAILED: Final[Mapping[int | None, str]] = {
    -63: "balance_not_enough",
    -217: "bank_error",
    -332: "promotion_error",
    -333: "promotion_error",
    **dict.fromkeys(range(-1333, -1329), "daily_limit"),
    **dict.fromkeys(range(-1343, -1339), "monthly_limit"),
}

# A refund that is asked for: nothing was sent back.
REFUND_REFUSED: Final[Mapping[int | None, str]] = {
    -2: "refund_type_invalid",
    -4: "method_not_refundable",
    -13: "refund_too_late",
    -14: "refund_amount_invalid",
    -24: "refund_id_invalid",
    -25: "refund_id_invalid",
    -26: "refund_id_invalid",
    -32: "not_refundable",
    NOT_KNOWN: "transaction_unknown",
}

# A refund that is looked for and ended without money.
REFUND_FAILED: Final[Mapping[int | None, str]] = {
    0: "refund_failed",
    -2: "refund_type_invalid",
    -13: "refund_too_late",
    -14: "refund_amount_invalid",
    -32: "not_refundable",
}
# A refund that is looked for and goes on, although its `return_code` says fail ("the refund is being processed").
REFUND_GOES_ON: Final[frozenset[int | None]] = frozenset({-16})
