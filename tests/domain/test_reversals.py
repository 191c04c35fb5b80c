"""Reversals: what owes them, and what becomes of one that is due, by what is known of the effect that it undoes."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from uuid import UUID

import pytest

from payonce.base.errors import Refused
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book
from payonce.domain.effect import STATES, Effect, EffectKind
from payonce.domain.reversing import Delivery, Done, to_undo, verdict
from tests.domain.purposes import NOW, an_attempt, an_order, dispute, join, new_book, payment, refund, tell

INVITE = EffectKind("invite", "order.paid")
REVOKE = EffectKind("revoke", ("refund", "dispute", "surplus_delivery"), undoes="invite", on_unknown="resend")
ASKING = EffectKind("revoke", ("refund", "dispute", "surplus_delivery"), undoes="invite", on_unknown="ask")
WRITING = EffectKind("revoke", ("refund",), undoes="invite", transactional=True)
ORDER = UUID(int=1 << 64)
_ids = count(1)


def an_effect(kind: str, state: str, occasion: str = "order.paid", done_minute: int | None = None) -> Effect:
    done_at = NOW + timedelta(minutes=done_minute) if done_minute is not None else None
    return Effect(
        UUID(int=next(_ids)), f"{ORDER.hex}:paid:{kind}", kind, occasion, "fulfilment", ORDER, state, None, 1, 1,
        NOW if state in ("pending", "failed") else None, None, NOW, done_at,
    )  # fmt: skip


def an_invite(state: str, *outcomes: str, minute: int = 0) -> Done:
    """The effect that is to be undone, with its tries; one that is done was done at that minute."""
    at = NOW + timedelta(minutes=minute)
    tries = tuple(Delivery(number, outcome, at, "inv_1") for number, outcome in enumerate(outcomes, 1))
    return Done(an_effect("invite", state, done_minute=minute if state == "done" else None), tries)


# The state of what is to be undone, its tries, and what becomes of its reversal: by a kind whose receiver honours our
# key, and by one that leaves what is unknown to a person.
BY_STATE = [
    ("pending", (), "needless", "needless"),
    ("claimed", ("begun",), "wait", "wait"),
    ("done", ("accepted",), "send", "send"),
    # Told done by a person, without a try that said so.
    ("done", (), "send", "send"),
    ("failed", ("refused",), "needless", "needless"),
    # Not known whether it arrived; it is tried again, and is held then because the money is gone.
    ("failed", ("unknown",), "send", "hold"),
    ("unknown", ("unknown",), "send", "hold"),
    ("unknown", ("refused", "begun"), "send", "hold"),
    ("suppressed", ("refused",), "needless", "needless"),
    ("suppressed", ("unknown",), "send", "hold"),
    ("held", (), "needless", "needless"),
    ("held", ("unknown",), "send", "hold"),
    ("dead", ("refused", "refused"), "needless", "needless"),
    ("dead", ("unknown",), "send", "hold"),
    # Done before, and asked for again by a person.
    ("pending", ("accepted",), "send", "send"),
    ("claimed", ("accepted", "begun"), "wait", "wait"),
]
CAUSES = ["reversal.refund", "reversal.dispute", "reversal.surplus_delivery"]


@pytest.mark.parametrize("cause", CAUSES[:2])
@pytest.mark.parametrize(("state", "tries", "keyed", "asking"), BY_STATE)
def test_a_reversal_is_sent_where_something_was_or_may_have_been_done(
    cause: str, state: str, tries: tuple[str, ...], keyed: str, asking: str
) -> None:
    """X16: access that was never given is not taken away, and what nobody knows is not guessed."""
    reversal = an_effect("revoke", "pending", cause)
    for kind, expected in ((REVOKE, keyed), (ASKING, asking), (WRITING, keyed)):
        event, _ = verdict(reversal, kind, [an_invite(state, *tries)], [], is_money_gone=True)
        assert (kind.on_unknown, event) == (kind.on_unknown, expected)


def test_every_state_of_an_effect_has_its_row() -> None:
    assert {state for state, *_ in BY_STATE} == set(STATES)


def test_where_nothing_was_owed_there_is_nothing_to_undo() -> None:
    reversal = an_effect("revoke", "pending", CAUSES[0])
    assert verdict(reversal, REVOKE, [], [], is_money_gone=True) == ("needless", "nothing_to_undo")


@pytest.mark.parametrize("cause", CAUSES[:2])
def test_money_that_is_back_before_the_reversal_was_sent_leaves_everything_as_it_is(cause: str) -> None:
    reversal = an_effect("revoke", "pending", cause)
    found = verdict(reversal, REVOKE, [an_invite("done", "accepted")], [], is_money_gone=False)
    assert found == ("needless", "money_is_back")


def test_a_surplus_delivery_is_undone_wherever_the_money_is() -> None:
    """X16: of nine invitations eight are too many, though the order is paid."""
    reversal = an_effect("revoke", "pending", CAUSES[2])
    invite = an_invite("done", "accepted", "refused", "accepted", "accepted")
    assert verdict(reversal, ASKING, [invite], [], is_money_gone=False) == ("send", "")
    assert [one.number for one in to_undo(reversal, invite)] == [3, 4]
    assert [one.number for one in to_undo(an_effect("revoke", "pending", CAUSES[0]), invite)] == [1, 3, 4]


def a_sibling(state: str, minute: int = 5) -> Done:
    return Done(an_effect("revoke", state, "reversal.dispute", minute if state == "done" else None))


SIBLINGS = [
    ("pending", "needless"),
    ("claimed", "wait"),
    ("failed", "needless"),
    ("unknown", "needless"),
    ("done", "needless"),
    ("dead", "send"),
    ("suppressed", "send"),
    ("held", "send"),
]


@pytest.mark.parametrize(("state", "expected"), SIBLINGS)
def test_what_another_cause_undid_already_is_not_undone_again(state: str, expected: str) -> None:
    """X16: an order whose payment is disputed and then refunded is undone once."""
    sibling, reversal = a_sibling(state), an_effect("revoke", "pending", CAUSES[0])
    event, _ = verdict(reversal, REVOKE, [an_invite("done", "accepted")], [sibling], is_money_gone=True)
    assert event == expected


def test_of_two_reversals_that_nobody_has_begun_the_older_one_goes_on() -> None:
    older, newer = an_effect("revoke", "pending", CAUSES[0]), a_sibling("pending")
    event, _ = verdict(older, REVOKE, [an_invite("done", "accepted")], [newer], is_money_gone=True)
    assert event == "send"


def test_what_was_done_again_after_it_had_been_undone_is_undone_again() -> None:
    reversal, sibling = an_effect("revoke", "pending", CAUSES[0]), a_sibling("done", minute=5)
    invite = an_invite("done", "accepted", "accepted", minute=6)
    assert verdict(reversal, REVOKE, [invite], [sibling], is_money_gone=True) == ("send", "")


def a_paid_book() -> tuple[Book, Attempt]:
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt])
    book.kinds = (INVITE, REVOKE)
    join(book, attempt, payment(attempt))
    return book, attempt


def owed(book: Book) -> list[str]:
    return sorted(f"{effect.occasion}:{effect.key.split(':')[-2]}" for effect in book.effects if effect.kind is REVOKE)


def findings(book: Book) -> set[str]:
    return {finding.kind for finding in book.findings}


def test_a_reversal_is_owed_once_the_whole_money_is_back_and_not_before() -> None:
    """X16: a refund of a part undoes nothing."""
    book, attempt = a_paid_book()
    tell(book, (attempt, refund(attempt, "1", "succeeded", 3000)))
    assert owed(book) == []
    tell(book, (attempt, refund(attempt, "2", "pending", 2000)))
    assert owed(book) == []
    tell(book, (attempt, refund(attempt, "2", "succeeded", 2000)), (attempt, refund(attempt, "2", "succeeded", 2000)))
    assert owed(book) == ["reversal.refund:re_2"]


def test_a_dispute_owes_it_when_it_is_opened_and_not_again_when_it_is_lost() -> None:
    """X16: the bank takes the money at once, and its decision changes nothing more."""
    book, attempt = a_paid_book()
    tell(book, (attempt, dispute(attempt, "1", "warning", 5000)))
    assert owed(book) == []
    tell(book, *[(attempt, dispute(attempt, "1", status, 5000)) for status in ("open", "lost")])
    assert owed(book) == ["reversal.dispute:du_1"]
    assert "money_came_back" not in findings(book)


def test_money_that_comes_back_is_found_and_does_nothing_again() -> None:
    """X16: after a dispute that was won a person decides; nothing is granted by itself a second time."""
    book, attempt = a_paid_book()
    tell(book, *[(attempt, dispute(attempt, "1", status, 5000)) for status in ("open", "won")])
    assert (owed(book), findings(book)) == (["reversal.dispute:du_1"], {"money_came_back"})
    assert [effect.key for effect in book.effects if effect.kind is INVITE] == [f"{book.newest().id.hex}:paid:invite"]


def test_a_refund_that_fails_and_is_made_anew_owes_a_reversal_of_its_own() -> None:
    book, attempt = a_paid_book()
    tell(book, (attempt, refund(attempt, "1", "succeeded", 5000)), (attempt, refund(attempt, "1", "failed", 5000)))
    assert findings(book) == {"money_came_back"}
    tell(book, (attempt, refund(attempt, "2", "succeeded", 5000)))
    assert (owed(book), findings(book)) == (["reversal.refund:re_1", "reversal.refund:re_2"], set())


def test_without_anything_to_undo_nothing_is_owed_and_nothing_found() -> None:
    book, attempt = a_paid_book()
    book.kinds = (INVITE,)
    tell(book, (attempt, refund(attempt, "1", "succeeded", 5000)), (attempt, refund(attempt, "1", "failed", 5000)))
    assert "money_came_back" not in findings(book)


@pytest.mark.parametrize(
    ("on", "undoes", "nature", "code"),
    [
        (("order.paid",), "invite", "fulfilment", "occasion_unknown"),
        ((), "invite", "fulfilment", "occasion_unknown"),
        ("refund", "invite", "fulfilment", "occasion_unknown"),
        (("refund",), None, "fulfilment", "occasion_unknown"),
        (("refund",), "revoke", "fulfilment", "reversal_invalid"),
        (("refund",), "invite", "notification", "reversal_invalid"),
    ],
)
def test_a_reversal_names_what_it_undoes_and_when(on: object, undoes: str | None, nature: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        EffectKind("revoke", on, nature, undoes=undoes)  # type: ignore[arg-type]  # wrong on purpose
    assert refused.value.code == code
