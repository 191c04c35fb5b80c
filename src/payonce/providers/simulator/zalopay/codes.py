"""ZaloPay's answers in numbers. HTTP says 200 to all of them; `return_code` is 1 success, 2 fail, 3 processing.

The sub codes and their names are those of the documentation's tables; the messages are our own.
"""

from __future__ import annotations

from typing import Any, Final

from payonce.providers.simulator.wire import Refusal

SUCCESS: Final = 1
FAIL: Final = 2
PROCESSING: Final = 3

REFUND_FAILED: Final = 0
NOT_CANCELLABLE: Final = 0  # not published; a cancel that is refused has a code that says nothing
REFUND_PROCESSING: Final = 2
REFUND_TIME: Final = -13
REFUND_AMOUNT: Final = -14
REFUND_DUPLICATE: Final = -23
TIME_INVALID: Final = -54
BALANCE_TOO_SMALL: Final = -63
DUPLICATE: Final = -68
ID_INVALID: Final = -92
NOT_FOUND: Final = -101
ILLEGAL_DATA: Final = -401
ILLEGAL_SIGNATURE: Final = -402
TOO_MANY: Final = -429
SYSTEM_ERROR: Final = -500
MAINTENANCE: Final = -999

NAMES: Final = {
    0: "FAILED",
    REFUND_TIME: "REFUND_EXPIRE_TIME",
    REFUND_AMOUNT: "REFUND_AMOUNT_INVALID",
    REFUND_DUPLICATE: "DUPLICATE_M_REFUND_ID",
    TIME_INVALID: "TIME_INVALID",
    BALANCE_TOO_SMALL: "ZPW_BALANCE_NOT_ENOUGH",
    DUPLICATE: "DUPLICATE_APPS_TRANS_ID",
    ID_INVALID: "APPTRANSID_INVALID",
    NOT_FOUND: "NOT_FOUND",
    ILLEGAL_DATA: "ILLEGAL_DATA_REQUEST",
    ILLEGAL_SIGNATURE: "ILLEGAL_SIGNATURE_REQUEST",
    TOO_MANY: "LIMIT_REQUEST_REACH",
    SYSTEM_ERROR: "SYSTEM_ERROR",
    MAINTENANCE: "SYSTEM_MAINTENANCE",
}
MEANING: Final = {
    SUCCESS: "The transaction has succeeded",
    FAIL: "The transaction has failed",
    PROCESSING: "In progress",
}


class ZaloPayRefusal(Refusal):
    """A refusal in ZaloPay's shape. Its HTTP status counts for the controls only: the API says 200."""

    def __init__(self, sub_code: int, message: str = "", *, status: int = 400) -> None:
        super().__init__(message or NAMES.get(sub_code, str(sub_code)), status)
        self.sub_code = sub_code

    def shown(self) -> dict[str, Any]:
        """The body of the answer."""
        return said(FAIL, self.sub_code, self.message)


def said(code: int, sub_code: int, message: str = "", **more: Any) -> dict[str, Any]:
    """An answer: its codes and sentences, and what it tells besides."""
    detail = message or (MEANING[code] if sub_code == code else NAMES.get(sub_code, MEANING[code]))
    return {
        "return_code": code,
        "return_message": MEANING[code],
        "sub_return_code": sub_code,
        "sub_return_message": detail,
        **more,
    }
