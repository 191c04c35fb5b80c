"""What a list names is ours only within the account that it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from payonce.domain.observation import Observation, PaymentSeen, PaymentStatus, Ref
from payonce.usecases.close_orphans import is_orphan
from payonce.usecases.take_listed import Facts

ATTEMPT = UUID(int=7)


@dataclass(frozen=True, slots=True)
class Known:
    """An attempt as a page's facts hold it."""

    state: str
    attempt_id: UUID = ATTEMPT
    provider: str = "stripe"
    account: str = "main"
    handle_kind: str | None = "payment_intent"
    handle_ref: str | None = "pi_1"


def seen(
    kind: str = "payment_intent", name: str = "pi_2", status: PaymentStatus = "open", captured: int = 0,
    account: str = "main",
) -> Observation:  # fmt: skip
    """An object that carries the attempt's mark."""
    ref = Ref(kind, name)
    payment = PaymentSeen(ref, status, ATTEMPT, capture=ref, captured_minor=captured, currency="USD")
    return Observation("stripe", account, "backfill", payment, live_mode=False)


def test_a_mark_counts_only_within_the_account_of_its_attempt() -> None:
    """B7: an object of one account that names an attempt of another is not closed, and its money not joined."""
    facts = Facts(attempts={ATTEMPT: Known("closed")})
    assert facts.owner_of(seen()) == Known("closed")
    assert facts.owner_of(seen(account="other")) is None


# What a person reads: the attempt's state, the object, and whether it is closed.
ORPHANS = [
    ("the object of an attempt that ended", Known("closed"), seen(name="pi_1"), True),
    ("a second one of an attempt that ended", Known("failed"), seen(), True),
    ("a second one beside an open one", Known("open"), seen(), True),
    ("a second one that was declined", Known("open"), seen(status="asks_again"), True),
    ("a second one beside one that is paid", Known("paid"), seen(), True),
    ("a second one beside one on its way", Known("pending"), seen(), True),
    ("the object that the payer was given", Known("open"), seen(name="pi_1"), False),
    ("what may be inside of the page", Known("open", handle_kind="checkout_session", handle_ref="cs_1"), seen(), False),
    ("one whose create is not answered yet", Known("creating", handle_kind=None, handle_ref=None), seen(), False),
    ("one in doubt, which resolving adopts", Known("in_doubt", handle_kind=None, handle_ref=None), seen(), False),
    ("one that is being closed", Known("closing"), seen(name="pi_1"), False),
    ("one that was paid", Known("closed"), seen(status="paid", captured=100), False),
    ("one that cannot be paid", Known("closed"), seen(status="closed"), False),
    ("one of which nothing is known", Known("closed"), seen(status="unknown"), False),
    ("one whose payment is on its way", Known("closed"), seen(status="pending"), False),
]


@pytest.mark.parametrize(("situation", "attempt", "found", "expected"), ORPHANS, ids=[row[0] for row in ORPHANS])
def test_what_is_an_orphan(situation: str, attempt: Known, found: Observation, expected: bool) -> None:
    """C23: closed is what is certain; B7: everything else is left to whoever knows it."""
    assert is_orphan(found, attempt) is expected
