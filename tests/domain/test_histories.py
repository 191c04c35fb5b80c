"""Whatever is told of a purpose, in any order and however often: the same sums, and the invariants at every step."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from payonce.domain import purpose
from payonce.domain.book import Book, RefKey
from payonce.domain.ledger import clearing
from payonce.domain.observation import PaymentSeen
from tests.domain.histories import History, Told, captured_by, histories
from tests.domain.lives import ACCOUNTS
from tests.domain.purposes import join
from tests.domain.shelf import Shelf, check

# How fast it goes says nothing about the rules, and every machine lives through the same histories.
RUNS = settings(deadline=None, derandomize=True)


def live_through(history: History, told: list[Told], group: int = 1) -> tuple[Book, Shelf]:
    """Join `told` in groups of that size, recording after each, with every invariant checked after each."""
    book, attempts = history.book()
    shelf, seen = Shelf(), dict[RefKey, int]()
    for at in range(0, len(told), group):
        for place, observation in told[at : at + group]:
            join(book, attempts[place], observation)
            if isinstance(observation.seen, PaymentSeen) and observation.seen.captured_minor:
                key = captured_by(observation)
                seen[key] = max(seen.get(key, 0), observation.seen.captured_minor)
        shelf.record(book)
        check(book, shelf, seen)
    return book, shelf


def sums(book: Book, shelf: Shelf) -> object:
    """What may not depend on the order in which things were told."""
    captured = {key: (capture.captured_minor, capture.currency) for key, capture in book.captures.items()}
    returned = {key: (back.status, back.amount_minor, back.returned_minor) for key, back in book.returns.items()}
    orders = {o.id: (o.received_minor, o.refunded_minor, o.disputed_minor) for o in book.orders.values()}
    posted = {
        (account, currency): shelf.posted(clearing(*account), currency)
        for account in ACCOUNTS
        for currency in ("USD", "EUR")
    }
    return captured, returned, orders, posted


@RUNS
@given(histories())
def test_after_everything_that_is_told_the_invariants_hold(history: History) -> None:
    """X6: every captured amount serves an order, was returned, or is held in an open finding."""
    live_through(history, history.told)


@RUNS
@given(histories(), st.data())
def test_any_order_and_repetition_gives_the_same_sums(history: History, data: st.DataObject) -> None:
    """C2: what was told once may be told again, and earlier or later, without another end."""
    first = live_through(history, history.told)
    again = data.draw(st.lists(st.sampled_from(history.told), max_size=6)) + history.told
    second = live_through(history, data.draw(st.permutations(again)), data.draw(st.integers(1, 5)))
    assert sums(*second) == sums(*first)


@RUNS
@given(histories())
def test_telling_everything_a_second_time_changes_nothing_of_the_money(history: History) -> None:
    """X4: postings are unique by cause, transitions guarded by the state, so a replay posts nothing."""
    book, shelf = live_through(history, history.told)
    before = (sums(book, shelf), len(shelf.entries), list(shelf.settlements))
    _, attempts = history.book()
    known = [book.attempts[attempt.id] for attempt in attempts]
    for place, observation in history.told:
        join(book, known[place], observation)
        shelf.record(book)
    assert len(shelf.settlements) <= len(before[2]) + 1
    assert before[2] == shelf.settlements[: len(before[2])]
    check(book, shelf, history.most_captured())
    assert sums(book, shelf) == before[0]


@RUNS
@given(histories())
def test_drawing_conclusions_twice_changes_nothing_the_second_time(history: History) -> None:
    book, _ = live_through(history, history.told)
    purpose.reconsider(book)
    Shelf().record(book)
    purpose.reconsider(book)
    decided = (
        book.steps,
        book.entries,
        book.settlements,
        book.changed_orders,
        book.changed_attempts,
        book.changed_captures,
    )
    assert not any(decided)
