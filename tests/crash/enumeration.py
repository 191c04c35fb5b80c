"""Every boundary of every flow: which lives are lived, how many of them, and what is said of those that went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from payonce.simulation.server import one_line
from tests.crash.fate import MODES, Strike
from tests.crash.flows_of_money import MONEY
from tests.crash.flows_of_orders import ORDERS
from tests.crash.lives import Flow, Life, live
from tests.crash.mortal import Ground

FLOWS: Final[tuple[Flow, ...]] = (*ORDERS, *MONEY)
# Of the lives with one crash, every so many is lived once more with a second crash while it recovers.
SECOND_OF: Final = 5
# How many second crashes follow every first one where all are lived through.
SECONDS_WHEN_THOROUGH: Final = 2


@dataclass(slots=True)
class Tally:
    """What was lived: how many crash points, of those how many in recovery, and what broke."""

    points: int = 0
    second: int = 0
    lives: int = 0
    broken: list[str] = field(default_factory=list)


@contextmanager
def ground_of(dsn: str, *, is_poor: bool = False) -> Iterator[Ground]:
    """The ground over a database with the whole schema, which is emptied again and again."""
    with ExitStack() as stack:
        ground = Ground(dsn, stack.enter_context(one_line(dsn)), is_poor=is_poor)
        stack.callback(ground.close)
        yield ground


def matters(boundary: str) -> bool:
    """Whether something stays of what was asked for there: a COMMIT, or a call to the outside. Of every other statement
    the server keeps nothing when its process dies, so before and after it are the same to everybody else.
    """
    return boundary == "transaction.commit" or "." not in boundary.partition(" ")[0]


def strikes(acted: Sequence[str], *, thorough: bool) -> list[Strike]:
    """Where lives are struck: at what matters in every mode; at other statements in every mode, or in turn."""
    found = []
    for number, boundary in enumerate(acted, start=1):
        modes = MODES if thorough or matters(boundary) else (MODES[number % len(MODES)],)
        found += [Strike(number, mode) for mode in modes]
    return found


def seconds(life: Life, strike: Strike, *, thorough: bool) -> list[Strike]:
    """Where a recovery is struck that followed `strike`: other places and modes each time, at what matters."""
    places = [number for number, name in enumerate(life.recovered, start=1) if matters(name)]
    if not places or (not thorough and strike.number % SECOND_OF):
        return []
    turn = strike.number * len(MODES) + MODES.index(strike.mode)
    wanted = SECONDS_WHEN_THOROUGH if thorough else 1
    # A step that has no divisor in common with most lengths comes everywhere in time.
    return [
        Strike(places[(turn * 7 + more * 13) % len(places)], MODES[(turn + more) % len(MODES)])
        for more in range(wanted)
    ]  # fmt: skip


def enumerate_flow(ground: Ground, flow: Flow, *, thorough: bool = False) -> Tally:
    """Live through all crashes of one flow."""
    tally = Tally()
    usual = live(ground, flow)
    for strike in strikes(usual.acted, thorough=thorough):
        life = _live(ground, flow, usual, tally, strike)
        for second in seconds(life, strike, thorough=thorough) if life else ():
            _live(ground, flow, usual, tally, strike, second)
    return tally


def _live(
    ground: Ground, flow: Flow, usual: Life, tally: Tally, strike: Strike, second: Strike | None = None
) -> Life | None:
    tally.lives += 1
    where = f"{flow.name}: {strike.mode} {strike.number} ({usual.acted[strike.number - 1]:.40})"
    where += f", then {second.mode} {second.number}" if second else ""
    try:
        life = live(ground, flow, strike, second, usual.ending)
    except Exception as error:
        tally.broken.append(f"{where}: {type(error).__name__}: {error}")
        return None
    tally.points += life.has_struck if second is None else life.has_struck_again
    tally.second += second is not None and life.has_struck_again
    return life
