"""The harness itself: who goes on is who the schedule says, or the races would prove nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payonce.store.database import Query, Tx
from payonce.usecases.world import World
from tests.races.puppets import Work, play, preempted_at
from tests.support.house import House

STATEMENTS = 6
LOOK = Query("test.look", "SELECT pg_current_xact_id_if_assigned()", "A statement that waits for nobody.")


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    built = House(database_url)
    yield built
    built.close()


def looks(name: str, log: list[str]) -> Work:
    """Transactions of two statements each, in one round trip; who they are is written down after each."""

    async def look(tx: Tx) -> None:
        await tx.all((LOOK, {}), (LOOK, {}))

    async def work(world: World) -> None:
        for _ in range(STATEMENTS // 2):
            await world.database.transaction(look, name="look", read_only=True)
            log.append(name)

    return work


@pytest.mark.parametrize("by_statement", [False, True], ids=["by_round_trip", "by_statement"])
def test_whoever_is_interrupted_waits_until_the_other_is_done(house: House, by_statement: bool) -> None:
    """The first goes so far, the second to its end, the first to its end; and each place of the first is reached."""
    seen = set[int]()
    step = 0
    while True:
        log = list[str]()
        one, two = play(house, looks("a", log), looks("b", log), preempted_at(step), by_statement=by_statement)
        before = log.index("b")
        assert "".join(log) == "a" * before + "bbb" + "a" * (3 - before)
        assert (one.outcome, two.outcome) == (None, None)
        seen.add(before)
        if len(one.moments) < step:
            break
        step += 1
    assert seen == {0, 1, 2, 3}
    # Before BEGIN, before the round trip, before COMMIT and after it; and between BEGIN and its two statements.
    assert len(one.moments) == 3 * (6 if by_statement else 4)
