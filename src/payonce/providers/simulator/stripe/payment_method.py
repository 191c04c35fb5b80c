"""Stripe's test payment methods: what each does when it is charged. Refuses everything that is not a test method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

RefundEnd = Literal["succeeds", "pends", "fails_later"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the bank behind a method does. `decline` is (code, decline_code, message)."""

    type: str = "card"
    last4: str = "4242"
    decline: tuple[str, str | None, str] | None = None
    asks_payer: bool = False
    delayed: bool = False
    refund: RefundEnd = "succeeds"
    disputed: bool = False


def _declined(last4: str, decline_code: str, message: str, code: str = "card_declined") -> Behaviour:
    return Behaviour(last4=last4, decline=(code, decline_code if code == "card_declined" else None, message))


GENERIC: Final = ("card_declined", "generic_decline", "Your card was declined.")
BANK_REFUSES: Final = (
    "payment_method_provider_decline",
    None,
    "The customer's bank account has insufficient funds to cover this payment.",
)

# Names of docs.stripe.com/testing.
BY_NAME: Final = {
    "pm_card_visa": Behaviour(),
    "pm_card_mastercard": Behaviour(last4="4444"),
    "pm_card_visa_chargeDeclined": _declined("0002", "generic_decline", GENERIC[2]),
    "pm_card_chargeDeclined": _declined("0002", "generic_decline", GENERIC[2]),
    "pm_card_chargeCustomerFail": _declined("0341", "generic_decline", GENERIC[2]),
    "pm_card_visa_chargeDeclinedInsufficientFunds": _declined(
        "9995", "insufficient_funds", "Your card has insufficient funds."
    ),
    "pm_card_chargeDeclinedExpiredCard": _declined("0069", "expired_card", "Your card has expired.", "expired_card"),
    "pm_card_chargeDeclinedProcessingError": _declined(
        "0119", "processing_error", "An error occurred while processing your card.", "processing_error"
    ),
    "pm_card_threeDSecure2Required": Behaviour(last4="3220", asks_payer=True),
    "pm_card_authenticationRequired": Behaviour(last4="3184", asks_payer=True),
    "pm_card_threeDSecureRequiredChargeDeclined": Behaviour(last4="1629", asks_payer=True, decline=GENERIC),
    "pm_card_pendingRefund": Behaviour(last4="7726", refund="pends"),
    "pm_card_refundFail": Behaviour(last4="5126", refund="fails_later"),
    "pm_card_createDispute": Behaviour(last4="0259", disputed=True),
    "pm_usBankAccount_success": Behaviour("us_bank_account", "6789", delayed=True, refund="pends"),
    "pm_usBankAccount_processing": Behaviour("us_bank_account", "6789", delayed=True, refund="pends"),
    "pm_usBankAccount_insufficientFunds": Behaviour(
        "us_bank_account", "2227", delayed=True, decline=BANK_REFUSES, refund="pends"
    ),
}

# The same by the numbers of the test cards, for those who make a payment method themselves.
BY_NUMBER: Final = {
    "4242424242424242": BY_NAME["pm_card_visa"],
    "5555555555554444": BY_NAME["pm_card_mastercard"],
    "4000000000000002": BY_NAME["pm_card_visa_chargeDeclined"],
    "4000000000000341": BY_NAME["pm_card_chargeCustomerFail"],
    "4000000000009995": BY_NAME["pm_card_visa_chargeDeclinedInsufficientFunds"],
    "4000000000000069": BY_NAME["pm_card_chargeDeclinedExpiredCard"],
    "4000000000000119": BY_NAME["pm_card_chargeDeclinedProcessingError"],
    "4000002500003155": BY_NAME["pm_card_authenticationRequired"],
    "4000002760003184": BY_NAME["pm_card_authenticationRequired"],
    "4000000000003220": BY_NAME["pm_card_threeDSecure2Required"],
    "4000008400001629": BY_NAME["pm_card_threeDSecureRequiredChargeDeclined"],
    "4000000000007726": BY_NAME["pm_card_pendingRefund"],
    "4000000000005126": BY_NAME["pm_card_refundFail"],
    "4000000000000259": BY_NAME["pm_card_createDispute"],
}
FAILING_IBAN: Final = "DE62370400440532013001"
DEBIT: Final = Behaviour("sepa_debit", "3000", delayed=True, refund="pends")
FAILING_DEBIT: Final = Behaviour("sepa_debit", "3001", delayed=True, decline=BANK_REFUSES, refund="pends")


@dataclass(slots=True)
class PaymentMethod:
    """A method as a payer used it: a test name becomes a new one at every use, as at Stripe."""

    id: str
    created: int
    behaviour: Behaviour

    def shown(self) -> dict[str, Any]:
        """The object as JSON has it."""
        detail: dict[str, Any] = {"last4": self.behaviour.last4}
        if self.behaviour.type == "card":
            detail = {"brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2034, "funding": "credit"} | detail
        return {
            "id": self.id,
            "object": "payment_method",
            "billing_details": {"address": None, "email": None, "name": None, "phone": None},
            self.behaviour.type: detail,
            "created": self.created,
            "customer": None,
            "livemode": False,
            "metadata": {},
            "type": self.behaviour.type,
        }
