"""The resync incident on its real volumes: ten thousand stuck orders with paid siblings, and a run that meets them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest

from payonce.domain.breaker import Breaker
from payonce.domain.effect import EffectKind
from payonce.drivers.stepping import run_to_end
from payonce.jobs.timetable import MOST_MESSAGES
from payonce.jobs.worker import Hand, Ran
from payonce.store.database import Query, Tx
from payonce.usecases.close_orders import mark_expired
from payonce.usecases.deliver_effects import deliver_effects
from payonce.usecases.effect_handlers import Accepted, EffectCall, Handlers, Outcome
from payonce.usecases.prove import prove_all
from payonce.usecases.pull_switch import resume
from tests.support.house import INVITE, NOTICE, House
from tests.support.incident import import_paid, import_stuck, pay_at_stripe, ran_before
from tests.support.parties import stripe_seat
from tests.support.runs import run_slot
from tests.support.siblings import Watched

STUCK = 10_000
TOLD = EffectKind("told", "order.closed", "notification", "resend")


class Town(House):
    """A house that pays by payment intents, and whose calls to the provider are watched."""

    wire: Watched

    def __init__(self, database_url: str) -> None:
        def watch(inner: object) -> Watched:
            self.wire = Watched(inner)  # type: ignore[arg-type]
            return self.wire

        super().__init__(
            database_url, seat=lambda clock: stripe_seat(clock, "payment_intent"), kinds=(INVITE, NOTICE, TOLD),
            transport=watch,
        )  # fmt: skip


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    built = Town(database_url)
    yield built
    built.close()


def fingerprints(town: Town, *tables: str) -> dict[str, object]:
    """What stands in the tables, as one value each."""
    return {
        table: town.rows(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} AS t") for table in tables
    }


BROKEN = Query(
    "broken",
    "SELECT order_id FROM orders WHERE merchant_id = %(merchant_id)s::text"
    " AND (%(after)s::uuid IS NULL OR order_id > %(after)s::uuid) ORDER BY order_id LIMIT %(limit)s::integer",
    "a mistake",
)
FLOOR_ROWS = Breaker().floor_rows
MONEY = ("entries", "postings", "captures", "settlements", "provider_refs", "refunds")


@pytest.mark.slow
def test_ten_thousand_stuck_orders_with_paid_siblings_are_closed_silently_by_one_run(town: Town) -> None:
    """A2: nothing posted and nobody told; A6, A7: no order and no transaction twice, every balance as it was."""
    import_paid(town, STUCK)
    import_stuck(town, STUCK)
    before = fingerprints(town, *MONEY, "(SELECT * FROM orders WHERE state = 'paid')")
    town.clock.move(3600)
    lane = run_slot(town, "resolve")
    assert town.rows("SELECT state, closed_reason, count(*) FROM orders GROUP BY 1, 2 ORDER BY 1") == [
        ("closed", "duplicate", STUCK), ("paid", None, STUCK),
    ]  # fmt: skip
    assert fingerprints(town, *MONEY, "(SELECT * FROM orders WHERE state = 'paid')") == before
    assert town.rows("SELECT kind, state, reason, count(*) FROM effects GROUP BY 1, 2, 3") == [
        ("told", "suppressed", "duplicate", STUCK)
    ]
    assert (town.wire.calls, lane.failures) == ([], 0)
    [(state, messages, suppressed, taken)] = town.rows("SELECT state, messages, suppressed, taken FROM job_runs")
    assert (state, messages, suppressed, taken) == ("done", 0, STUCK, STUCK)
    assert town.rows("SELECT count(*) FROM findings") == [(0,)]
    assert run_to_end(prove_all(town.world)) == []


class Board:
    """A handler that takes messages and counts how often it got each. `lanes`: how many are claimed at once."""

    lanes = 500

    def __init__(self) -> None:
        self.keys: Counter[str] = Counter()
        self.handlers = Handlers(self._describe)
        self.handlers.add(NOTICE, self)

    async def deliver(self, effect: EffectCall, /) -> Outcome:
        self.keys[effect.key] += 1
        return Accepted("pinned up")

    async def run(self, works: Sequence[Callable[[], Awaitable[Any]]], /) -> list[Any]:
        return [await work() for work in works]

    async def _describe(self, merchant_id: str, order_ids: Any) -> dict[Any, Any]:
        return {order_id: {} for order_id in order_ids}


def work_off(town: Town, board: Board) -> None:
    """Let the worker deliver all that is owed."""
    while town.run(deliver_effects(town.world.for_jobs(), "default", board.handlers, board.lanes, together=board)):
        pass


@pytest.mark.slow
def test_ten_thousand_without_siblings_are_settled_and_told_once_within_the_caps_of_runs(town: Town) -> None:
    """A1, A6: each is settled once and told once; S18: a run ends at its cap of messages, and the following ones go on
    once a person said that the numbers are right.
    """
    town.world.kinds[:] = [NOTICE]
    import_stuck(town, STUCK)
    pay_at_stripe(town, STUCK)
    board = Board()
    for told in range(MOST_MESSAGES, STUCK + 1, MOST_MESSAGES):
        town.clock.move(3600)
        run_slot(town, "resolve")
        work_off(town, board)
        assert (len(board.keys), set(board.keys.values())) == (told, {1})
        assert town.rows("SELECT count(*) FROM orders WHERE state = 'paid'") == [(told,)]
        if told < STUCK:
            [(kind, detail)] = town.rows("SELECT kind, detail FROM findings WHERE state <> 'resolved'")
            assert (kind, detail["code"], detail["owed_messages"]) == (
                "job_breaker", "run_messages_cap", str(MOST_MESSAGES),
            )  # fmt: skip
            # Until a person puts it back, nothing more happens.
            run_slot(town, "resolve")
            assert town.rows("SELECT count(*) FROM orders WHERE state = 'paid'") == [(told,)]
            town.run(resume(town.world, "resolve", by="linh", reason="they really paid"))
    run_slot(town, "resolve")
    work_off(town, board)
    assert town.rows("SELECT state, messages FROM job_runs ORDER BY run_id") == [
        ("stopped", MOST_MESSAGES), ("done", MOST_MESSAGES),
    ]  # fmt: skip
    assert town.rows(
        "SELECT count(*), count(DISTINCT ref), count(DISTINCT order_id), sum(amount_minor) FROM settlements"
    ) == [(STUCK, STUCK, STUCK, STUCK * 4500)]
    assert town.rows("SELECT count(*) FROM entries") == [(STUCK,)]
    assert town.rows("SELECT kind, state, count(*) FROM effects GROUP BY 1, 2") == [("notice", "done", STUCK)]
    assert (len(board.keys), set(board.keys.values())) == (STUCK, {1})
    assert town.rows("SELECT count(*) FROM findings WHERE state <> 'resolved'") == [(0,)]
    assert run_to_end(prove_all(town.world)) == []


async def take_up_all(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    """A batch of a job whose query forgot to ask for the state: it takes up every order there is, paid ones too."""
    run = hand.world.run
    assert run is not None
    after = run.bookmarks.get(merchant_id)

    async def load(tx: Tx) -> list[UUID]:
        rows = await tx.rows(BROKEN, merchant_id=merchant_id, after=after, limit=at_most)
        return [row.order_id for row in rows]

    found = await hand.world.database.transaction(load, name="broken", read_only=True)
    for order_id in found:
        await mark_expired(hand.world, merchant_id, order_id)
    run.bookmarks[merchant_id] = found[-1] if found else after
    return Ran(len(found), len(found))


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["it picks those that are paid", "it picks ten thousand instead of ten"])
def test_a_run_with_a_broken_query_stops_itself_within_its_limit(town: Town, broken: str) -> None:
    """A19: within the same run, with the finding `job_breaker`; S18: not one order beyond the limit."""
    import_paid(town, STUCK)
    picks_paid = broken == "it picks those that are paid"
    if not picks_paid:
        import_stuck(town, STUCK)
    ran_before(town, 6, 10)
    before = fingerprints(town, *MONEY)
    town.clock.move(3600)
    run_slot(town, "resolve", **({"use": take_up_all} if picks_paid else {}))
    [(why, taken)] = town.rows("SELECT stopped_why, taken FROM job_runs WHERE state = 'stopped'")
    assert (taken, str(FLOOR_ROWS) in why) == (FLOOR_ROWS, True)
    [(kind, severity, detail)] = town.rows("SELECT kind, severity, detail FROM findings")
    assert (kind, severity, detail["usually_takes_up"]) == ("job_breaker", "critical", "10")
    assert (detail["job"], detail["took_up"]) == ("resolve", str(FLOOR_ROWS))
    assert town.rows("SELECT is_off, actor FROM switches WHERE name = 'resolve'") == [(True, "breaker")]
    assert fingerprints(town, *MONEY) == before
    assert town.rows("SELECT count(*) FROM effects WHERE state <> 'suppressed'") == [(0,)]
    assert len(town.wire.calls) == 0
    town.clock.move(3600)
    run_slot(town, "resolve")
    assert town.rows("SELECT sum(touched) FROM run_tallies WHERE touched > 10") == [(FLOOR_ROWS,)]
