"""Every combination of a situation, a state of the attempt and something seen does what its written row says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import product

import pytest

from payonce.domain.book import Book
from tests.domain.situations import ABLE, Situation, build, observation
from tests.domain.table import SEEN, SITUATIONS, STATES, WAYS, Combination, Row, written

OUTCOMES = ("reason", "order", "attempt", "postings", "owed", "findings", "refunds", "others")


@dataclass(frozen=True)
class Before:
    """What is compared with afterwards."""

    orders: dict[object, str]
    attempts: dict[object, str]
    entries: set[str]
    effects: set[str]
    findings: dict[str, int]
    refunds: dict[object, str]


def stands(situation: Situation) -> Before:
    book, shelf = situation.book, situation.shelf
    return Before(
        {order.id: order.state for order in book.orders.values()},
        {attempt.id: attempt.state for attempt in book.attempts.values()},
        set(shelf.entries),
        set(shelf.effects),
        {name: finding.money_minor for name, finding in shelf.open_findings.items()},
        {refund.id: refund.state for refund in book.refunds.values()},
    )


def follows(combination: Combination) -> dict[str, str | set[str]]:
    """What really follows, in the words of the table."""
    name, state, seen, way = combination
    situation = build(name, state)
    before = stands(situation)
    joined = situation.tell(observation(situation, seen, way))
    assert (joined.outcome == "ignored") == (joined.reason == "known")
    order, attempt = situation.order, situation.attempt
    return {
        "reason": joined.reason,
        "order": "=" if order.state == before.orders[order.id] else order.state,
        "attempt": "=" if attempt.state == before.attempts[attempt.id] else attempt.state,
        "postings": postings(situation, before),
        "owed": {key.rpartition(":")[2] for key in situation.shelf.effects - before.effects},
        "findings": findings(situation, before),
        "refunds": refunds(situation.book, before),
        "others": others(situation, before),
    }


def postings(situation: Situation, before: Before) -> set[str]:
    """What moved in the ledger, by account; the account of the provider's money is the attempt's own."""
    moved = Counter[str]()
    clearing = f"clearing:{situation.attempt.provider}:{situation.attempt.account}"
    for cause, entry in situation.shelf.entries.items():
        for line in entry.postings if cause not in before.entries else ():
            account = "clearing" if line.account == clearing else line.account
            moved[account] += line.amount_minor
    return {f"{account} {amount}" for account, amount in moved.items() if amount}


def findings(situation: Situation, before: Before) -> set[str]:
    """The findings that were opened, changed or closed."""
    now = {name: finding.money_minor for name, finding in situation.shelf.open_findings.items()}
    told = {f"+{name.partition(':')[0]} {money}" for name, money in now.items() if before.findings.get(name) != money}
    return told | {f"-{name.partition(':')[0]}" for name in before.findings.keys() - now.keys()}


def refunds(book: Book, before: Before) -> set[str]:
    """The refunds of ours that were written, and those whose state changed."""
    told = set()
    for refund in book.refunds.values():
        if refund.id not in before.refunds:
            wait = (refund.due_at or book.now) - book.now
            hours = wait // timedelta(hours=1)
            told.add(f"{refund.amount_minor} in {hours}h" if wait else f"{refund.amount_minor}")
        elif before.refunds[refund.id] != refund.state:
            told.add(f"{refund.state} {refund.amount_minor}")
    return told


def others(situation: Situation, before: Before) -> set[str]:
    """What became of the other orders and attempts of the purpose."""
    told = set()
    for order in situation.book.orders.values():
        was = before.orders[order.id]
        if order is not situation.order and order.state != was:
            told.add(f"{'waiting' if was == 'waiting' else 'other'} {order.state}")
    for attempt in situation.book.attempts.values():
        if attempt is not situation.attempt and attempt.state != before.attempts[attempt.id]:
            told.add(f"other attempt {attempt.state}")
    return told


def expected(row: Row, combination: Combination) -> dict[str, str | set[str]]:
    """What the row says of the combination, with its amounts."""
    name, _, seen, _ = combination
    ask = 3000 if name == "part" else 5000
    words = {"-ask": str(-ask), "ask+700": str(ask + 700), "ask": str(ask)}
    said: dict[str, str | set[str]] = {}
    for column, cell in zip(OUTCOMES, row.cells, strict=True):
        if column in ("reason", "order", "attempt"):
            said[column] = seen if cell == "seen" else cell
        else:
            parts = [part.split() for part in cell.split(",") if part.strip()]
            said[column] = {" ".join(words.get(word, word) for word in part) for part in parts}
    return said


@cache
def by_combination() -> dict[Combination, list[Row]]:
    """The rows that speak of each combination that can be."""
    possible, impossible = written()
    every = set(product(SITUATIONS, STATES, SEEN, WAYS))
    can_be = every - {combination for row in impossible for combination in row.combinations()}
    speak: dict[Combination, list[Row]] = {combination: [] for combination in can_be}
    for row in possible:
        for combination in row.combinations():
            if combination in speak:
                speak[combination].append(row)
    return speak


def test_one_row_speaks_of_every_combination_that_can_be() -> None:
    """X2: every status of a provider has a written row in every state."""
    wrong = {combination: len(rows) for combination, rows in by_combination().items() if len(rows) != 1}
    assert wrong == {}


def test_every_row_speaks_of_something() -> None:
    possible, impossible = written()
    used = {id(row) for rows in by_combination().values() for row in rows}
    assert [row for row in possible if id(row) not in used] == []
    assert [row for row in impossible if len(row.cells) != 1 or len(row.cells[0].split()) < 5] == []


@pytest.mark.parametrize(("name", "state"), sorted({combination[:2] for combination in by_combination()}))
def test_what_follows_is_what_its_row_says(name: str, state: str) -> None:
    """X6: whatever comes for an order in whatever state: what it serves, what is owed and found, and what goes back.

    C22: the second payment of an order is recorded, never settled nor fulfilled, and goes back or is found.
    """
    differs = {}
    for combination, rows in by_combination().items():
        if combination[:2] != (name, state) or len(rows) != 1:
            continue
        really, said = follows(combination), expected(rows[0], combination)
        if really != said:
            differs[combination] = {key: (said[key], really[key]) for key in said if said[key] != really[key]}
    assert differs == {}, "combination: column: (written, what follows)"


def test_a_live_attempt_of_a_situation_that_is_over_is_of_a_provider_without_cancel() -> None:
    """X7: where a provider can cancel, no attempt of an order that is paid or closed stays open."""
    assert (build("expired", "open").attempt.provider, ABLE[0]) == ("coins", "stripe")
