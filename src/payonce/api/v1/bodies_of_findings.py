"""The bodies of what a person does with a finding. Each unknown member is refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from payonce.api.v1.bodies import Body, Reason, printable


class Acknowledge(Body):
    """That somebody looks into a finding; the reason is free."""

    reason: Annotated[str, Field(max_length=500), AfterValidator(printable)] = ""


class Assign(Acknowledge):
    """Who a finding is given to: a person or a team."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"owner": "linh", "reason": "she knows the endpoint"}]})

    owner: Annotated[str, Field(min_length=1, max_length=60), AfterValidator(printable)]


class Ignore(Reason):
    """Why a finding may rest, and at least one end: a time, so many more of what it counts, so many more orders."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"reason": "the provider mends it this week", "until": "2026-11-27T09:00:00Z", "orders": 5}]
        }
    )

    # JSON has times as text, which the strict reading of the other members would refuse.
    until: Annotated[AwareDatetime, Field(strict=False)] | None = None
    more: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    orders: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
