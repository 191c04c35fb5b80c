"""One life of a flow: set up, acted with a strike somewhere, recovered (perhaps with a second one), and judged.

The judge knows nothing of the flow: every invariant must hold right after the crash and at the end, the provider's
books must agree with ours, and the end must be the one that the same flow has when nothing goes wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from payonce.base.errors import Bug, PayonceError
from payonce.domain.invariants import INVARIANTS, written_arrows
from payonce.drivers.stepping import run_to_end
from payonce.store.database import Call
from payonce.usecases.prove import QUERIES
from tests.crash.fate import Died, Strike
from tests.crash.mortal import INVITE, Ground, MortalHouse
from tests.promises.soundness import payable_twice

# A view of the end by which two lives are compared. What has no place here may differ: ids, times, numbers of tries.
ENDING: Mapping[str, str] = {
    "orders": """
        SELECT o.purpose, o.amount_minor, o.state, o.closed_reason, o.received_minor, o.allocated_minor,
            o.refunded_minor, o.disputed_minor, o.released_at IS NOT NULL,
            (SELECT count(*) FROM captures AS c WHERE c.order_id = o.order_id),
            (SELECT count(*) FROM settlements AS s WHERE s.order_id = o.order_id)
        FROM orders AS o""",
    "attempts that hang": """
        SELECT state FROM attempts WHERE state IN ('creating', 'closing', 'in_doubt', 'pending')""",
    "events that hang": "SELECT state FROM events WHERE state IN ('received', 'failed', 'quarantined')",
    "effects": "SELECT o.purpose, e.kind, e.state FROM effects AS e JOIN orders AS o USING (order_id)",
    "refunds": "SELECT state, amount_minor, reason FROM refunds WHERE state <> 'cancelled'",
    "findings": "SELECT kind FROM findings WHERE state <> 'resolved'",
    "ledger": "SELECT account, sum(amount_minor)::bigint FROM postings GROUP BY account HAVING sum(amount_minor) <> 0",
    "stock": "SELECT sku, on_hand, held, sold FROM stock_items",
    "reservations": "SELECT sku, quantity, state FROM reservations WHERE state <> 'wanted'",
    "payouts": "SELECT payee, amount_minor FROM payouts",
    "accruals": "SELECT payee, state FROM accruals",
    "credits": "SELECT count(*) FROM credits GROUP BY order_id",
}
Ending = dict[str, Counter[tuple[Any, ...]]]


def nothing(house: MortalHouse, scene: Any) -> None:
    """Nobody does anything more."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What is done when the process dies (`act`), what was before, and what people do when all is well again.

    Whoever asked and got no answer asks again, where `asks_again`. `may_end` says of an end that is not the usual one
    whether it is another right one.
    """

    name: str
    set_up: Callable[[MortalHouse], Any]
    act: Callable[[MortalHouse, Any], object]
    rest: Callable[[MortalHouse, Any], object] = nothing
    choices: Mapping[str, Any] = field(default_factory=dict)
    asks_again: bool = True
    may_end: Callable[[Ending, Ending], bool] = lambda usual, end: False


@dataclass(frozen=True, slots=True)
class Life:
    """What happened in one life: the boundaries that its act and its recovery passed, and how it ended."""

    acted: list[str]
    recovered: list[str]
    ending: Ending
    has_struck: bool
    has_struck_again: bool


def live(
    ground: Ground, flow: Flow, strike: Strike | None = None, second: Strike | None = None, usual: Ending | None = None
) -> Life:
    """Live once. Raises AssertionError where a promise broke, or where it ends otherwise than `usual`."""
    ground.empty()
    house = MortalHouse(ground, **flow.choices)
    scene = flow.set_up(house)
    ground.fate.begin(strike)
    has_answer = _try(lambda: flow.act(house, scene))
    has_struck, acted = ground.fate.has_struck, ground.fate.end()
    assert_sound(house)

    def recover() -> None:
        nonlocal has_answer
        if not has_answer and flow.asks_again:
            house.clock.move(1)
            has_answer = _try(lambda: flow.act(house, scene), is_mortal=True)
        house.heal()

    ground.fate.begin(second)
    try:
        recover()
    except Died:
        has_struck_again, recovered = ground.fate.has_struck, ground.fate.end()
        assert_sound(house)
        recover()
    else:
        has_struck_again, recovered = ground.fate.has_struck, ground.fate.end()
    assert_sound(house)
    flow.rest(house, scene)
    assert_sound(house)
    assert_agrees(house)
    ending = _ending(house)
    if usual is not None and ending != usual and not flow.may_end(usual, ending):
        raise AssertionError(f"it ended otherwise: {difference(usual, ending)}")
    return Life(acted, recovered, ending, has_struck, has_struck_again)


def boundaries(ground: Ground, flow: Flow) -> list[str]:
    """The boundaries that the flow's act passes when nothing goes wrong."""
    ground.empty()
    house = MortalHouse(ground, **flow.choices)
    scene = flow.set_up(house)
    ground.fate.begin()
    _try(lambda: flow.act(house, scene))
    return ground.fate.end()


def difference(usual: Ending, end: Ending) -> dict[str, Any]:
    """What there is more and less than usual, by view."""
    return {
        name: {"more": dict(end[name] - usual[name]), "less": dict(usual[name] - end[name])}
        for name in usual
        if end[name] != usual[name]
    }


def assert_sound(house: MortalHouse) -> None:
    """Fail unless every invariant holds, and no purpose has two payable objects at the provider (S6)."""
    asked = [name for invariant in INVARIANTS for name in invariant.queries]
    kinds = [INVITE.name] if INVITE.name in {kind.name for kind in house.world.kinds} else []
    replies = run_to_end(house.ground.beside.exchange([_call(name, kinds) for name in asked]))
    found = [(name, row.ref, row.detail) for name, reply in zip(asked, replies, strict=True) for row in reply.rows]
    assert found == []
    assert payable_twice(house) == {}


def assert_agrees(house: MortalHouse) -> None:
    """Fail unless what came in and what went back at the provider is what our rows say, and went back once."""
    came: Counter[UUID] = Counter()
    for attempt_id, captures in house.party.truth.captures_by_attempt().items():
        came[attempt_id] += sum(captured.amount_minor for captured in captures)
    ours = {row[0]: int(row[1]) for row in house.rows(
        "SELECT attempt_id, sum(captured_minor) FROM captures GROUP BY attempt_id"
    )}  # fmt: skip
    assert ours == dict(came), "what came in at the provider is not what we know"
    for refund_id, made in house.party.truth.refunds_by_id().items():
        [(amount,)] = house.rows("SELECT amount_minor FROM refunds WHERE refund_id = %s", refund_id)
        assert [one.amount_minor for one in made] == [amount], f"refund {refund_id} went back {made}"


def _ending(house: MortalHouse) -> Ending:
    found: Ending = {name: Counter(house.rows(query)) for name, query in ENDING.items()}
    # A receiver that knows our key takes a repetition for what it is; so what counts is what it took by different keys.
    found["receivers"] = Counter((key.rpartition(":")[2],) for key in set(house.receiver.taken))
    return found


def _try(act: Callable[[], object], *, is_mortal: bool = False) -> bool:
    """Whether whoever asked got an answer; a refusal is one."""
    try:
        act()
    except Died:
        if is_mortal:
            raise
        return False
    except Bug:
        raise
    except PayonceError as error:
        return not error.retryable
    return True


def _call(name: str, kinds: list[str]) -> Call:
    query = QUERIES[name]
    params: dict[str, Any] = {"merchant_id": None, "since": None, "limit": 5}
    if "%(subjects)s" in query.sql:
        subjects, sources, events, targets = zip(*written_arrows(), strict=True)
        params |= {"subjects": [*subjects], "sources": [*sources], "events": [*events], "targets": [*targets]}
    if "%(kinds)s" in query.sql:
        params["kinds"] = kinds
    return query, params
