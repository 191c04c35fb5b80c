"""Whether a house is sound: every invariant holds, and what the provider knows to be true agrees with our rows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from payonce.base import ids
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.usecases.prove import prove_all
from tests.support.house import INVITE, House

# What a refusal may not change; evidence and receipts are written by refusals as well.
TABLES = (
    "orders", "payers", "attempts", "provider_refs", "captures", "settlements", "entries", "postings", "returns",
    "stock_items", "reservations", "event_keys", "events", "effects", "deliveries", "findings", "audit",
)  # fmt: skip


def assert_sound(house: House) -> None:
    """Fail the test unless every invariant holds and no purpose has two payable objects at the provider (S6)."""
    found = house.run(
        prove_all(house.world, kinds=[kind.name for kind in house.world.kinds if kind.name == INVITE.name])
    )
    assert found == []
    assert payable_twice(house) == {}


def payable_twice(house: House) -> dict[str, list[str]]:
    """The purposes of which more than one object can be paid at the provider, but for abandoned ones (S6)."""
    names: dict[UUID, list[str]] = {}
    for attempt_id, name in payable_attempts(house):
        if attempt_id is not None:
            names.setdefault(attempt_id, []).append(name)
    payable: dict[str, list[str]] = {}
    for attempt_id, purpose in house.rows(
        "SELECT attempt_id, purpose FROM attempts WHERE attempt_id = ANY(%s) AND state <> 'abandoned'", list(names)
    ):
        payable.setdefault(purpose, []).extend(names[attempt_id])
    return {purpose: found for purpose, found in payable.items() if len(found) > 1}


def payable_attempts(house: House) -> list[tuple[UUID | None, str]]:
    """What can be paid at the provider now, by the attempt that it carries: by object, where its books tell them."""
    if not isinstance(house.party, StripeSimulator):
        return [(attempt_id, str(attempt_id)) for attempt_id in house.party.truth.payable_attempts()]
    rows = house.party.truth.payable_now()
    return [(ids.read_or_none(ids.ATTEMPT, row.metadata.get("payonce_attempt", "")), row.id) for row in rows]


def assert_agrees(house: House) -> None:
    """Fail the test unless every capture of ours at the provider is in our rows, with the same sum (S4, L1)."""
    came = [captured for rows in house.party.truth.captures_by_attempt().values() for captured in rows]
    theirs = {captured.id: captured.amount_minor for captured in came}
    ours = dict(house.rows("SELECT ref, captured_minor FROM captures"))
    assert ours == theirs


def everything(house: House) -> dict[str, list[tuple[Any, ...]]]:
    """All rows that matter, to show that a refusal changed nothing."""
    return {table: sorted(house.rows(f"SELECT * FROM {table}"), key=repr) for table in TABLES}
