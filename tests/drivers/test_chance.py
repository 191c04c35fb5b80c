"""Randomness: what is asked for by the hundred is handed out once, to whomever."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from payonce.drivers.chance import SystemChance


def test_no_two_tails_of_ids_are_the_same_however_many_threads_ask() -> None:
    chance = SystemChance()
    with ThreadPoolExecutor(8) as pool:
        tails = [tail for many in pool.map(lambda _: [chance.token(8) for _ in range(2000)], range(8)) for tail in many]
    assert len(set(tails)) == len(tails) == 16_000
    assert {len(tail) for tail in tails} == {8}


def test_a_child_that_is_forked_off_makes_other_ids_than_its_parent() -> None:
    chance = SystemChance()
    # Now some are waiting to be handed out.
    chance.token(8)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(chance.token(8) for _ in range(100)))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        theirs = told.read()
    os.waitpid(child, 0)
    ours = {chance.token(8) for _ in range(100)}
    assert len(theirs) == 800
    assert ours.isdisjoint(theirs[at : at + 8] for at in range(0, 800, 8))


def test_secrets_of_other_lengths_come_as_they_are_asked_for() -> None:
    chance = SystemChance()
    assert [len(chance.token(n)) for n in (1, 8, 16, 32)] == [1, 8, 16, 32]
    assert len({chance.token(16) for _ in range(1000)}) == 1000
