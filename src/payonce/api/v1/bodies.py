"""What the API takes: shapes checked strictly, so that nothing is guessed. An amount is a whole number and nothing
else."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from payonce.base.money import LARGEST_MINOR
from payonce.domain.payout import MOST_SHARES
from payonce.usecases.items import MOST_ITEMS, MOST_PIECES
from payonce.usecases.place_order import LONGEST_TEXT, LONGEST_URL
from payonce.usecases.set_stock import LONGEST_REASON, MOST_ON_HAND

MOST_METADATA: Final = 50
LONGEST_METADATA_KEY: Final = 40
LONGEST_METADATA_VALUE: Final = 500


def _address(text: str) -> str:
    """An http or https address with a host, and without credentials or anything that is not printable."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or parts.username or not text.isprintable() or " " in text:
        raise ValueError("write a complete address that begins with https:// or http://")
    return text


def printable(text: str) -> str:
    """Text that a person can read in a list. Raises ValueError for any other."""
    if not text.isprintable() or text != text.strip():
        raise ValueError("use printable characters, and no blanks at the ends")
    return text


def _email(text: str) -> str:
    name, _, domain = text.rpartition("@")
    if not name or "." not in domain or not text.isprintable() or " " in text:
        raise ValueError("write one mail address")
    return text


def _flat(metadata: dict[str, Any]) -> dict[str, Any]:
    for key, value in metadata.items():
        if len(key) > LONGEST_METADATA_KEY or len(str(value)) > LONGEST_METADATA_VALUE:
            raise ValueError(f"keys up to {LONGEST_METADATA_KEY}, values up to {LONGEST_METADATA_VALUE} characters")
    return metadata


Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(printable)]
Url = Annotated[str, Field(max_length=LONGEST_URL), AfterValidator(_address)]
Metadata = Annotated[
    dict[str, str | int | bool | None], Field(max_length=MOST_METADATA), AfterValidator(_flat)
]  # fmt: skip


class Body(BaseModel):
    """Strict: `"100"`, `100.0` and `true` are no integers, and an unknown field is an error, not a wish that is
    ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Payer(Body):
    """Who owes it. Mail address and name are optional and kept apart, so that they can be erased."""

    reference: Text
    email: Annotated[str, Field(max_length=254), AfterValidator(_email)] | None = None
    name: Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(printable)] | None = None


class NewItem(Body):
    """So many pieces of an item of stock."""

    sku: Annotated[str, Field(min_length=1, max_length=100)]
    quantity: Annotated[int, Field(ge=1, le=MOST_PIECES)]


class NewPayout(Body):
    """What a payee is to get of the order, once it is paid."""

    payee: Text
    amount_minor: Annotated[int, Field(ge=1, le=LARGEST_MINOR, description="minor units of the order's currency")]


class NewOrder(Body):
    """A wish for an order. `purpose` says what for and is never guessed from the reference (C12)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reference": "R-61",
                    "purpose": "fee:27:2026-05",
                    "amount_minor": 4500,
                    "currency": "USD",
                    "payer": {"reference": "player-27", "email": "parent@shop.example"},
                    "metadata": {"team": "U12"},
                    "payouts": [{"payee": "coach-3", "amount_minor": 700}],
                    "success_url": "https://shop.example/thanks",
                    "cancel_url": "https://shop.example/basket",
                }
            ]
        }
    )

    reference: Text
    purpose: Text
    amount_minor: Annotated[int, Field(ge=0, le=LARGEST_MINOR, description="minor units of the currency")]
    currency: Annotated[str, Field(pattern=r"^[A-Za-z]{3}$", description="ISO 4217")]
    payer: Payer
    metadata: Metadata = Field(default_factory=dict)
    success_url: Url | None = None
    cancel_url: Url | None = None
    again: bool = False
    items: Annotated[
        list[NewItem], Field(max_length=MOST_ITEMS, description="what it takes from stock: all of it or 409 `sold_out`")
    ] = Field(default_factory=list)
    payouts: Annotated[list[NewPayout], Field(max_length=MOST_SHARES)] = Field(default_factory=list)


class NewCheckout(Body):
    """How to pay; what is left out is chosen: the first account that takes the money, and its configured flow.
    `after_attempt` is the last number that the caller knows. `leave_attempt` is the number of an attempt that its
    provider cannot cancel (`can_leave`), of which the payer says expressly that nothing was sent."""

    provider: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    account: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    flow: (
        Annotated[
            str,
            Field(min_length=1, max_length=40, examples=["checkout_session", "payment_intent", "order", "invoice"]),
        ]
        | None
    ) = None
    after_attempt: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    leave_attempt: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class Nothing(Body):
    """A body that says nothing: `{}`, or none at all."""


class Reason(Body):
    """Why a person does this; it stands in the audit. `done`: it was done by other means."""

    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(printable)]


class OnHand(Body):
    """How many pieces there are in all, those that orders hold or bought among them; and why that changed."""

    on_hand: Annotated[int, Field(ge=0, le=MOST_ON_HAND)]
    reason: Annotated[str, Field(max_length=LONGEST_REASON), AfterValidator(printable)] = ""


Sku = Annotated[str, Field(min_length=1, max_length=100)]


class Restock(Reason):
    """Which goods of a paid order are back; without `skus` all of them."""

    skus: Annotated[list[Sku], Field(min_length=1, max_length=MOST_ITEMS)] | None = None


class SkipReason(Reason):
    """Why an effect is set aside."""

    done: bool = False


class NewRefund(Reason):
    """Which money of an order goes back: the order's own, or surplus; without an amount all that is left of it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount_minor": 1500, "of": "order", "reason": "one of three came broken"}]}
    )

    amount_minor: Annotated[int, Field(ge=1, le=LARGEST_MINOR, description="minor units of the currency")] | None = None
    of: Literal["order", "surplus"] = "order"
    by_hand: Annotated[bool, Field(description="it was sent by other means already, and is only booked")] = False


class PlanId(Body):
    """Which plan is approved: the id that was shown with it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"plan": "pln_5mq1c8v3k0e7wj2x9rt4hn6bzs"}]})

    plan: Annotated[str, Field(pattern=r"^pln_[0-9a-z]{26}$")]


class RefundOutcome(Reason):
    """What a person knows of a refund in doubt: it was done, or it was not and is asked for anew."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"outcome": "cancelled", "reason": "the dashboard shows no such refund"}]}
    )

    outcome: Literal["done", "cancelled"]
