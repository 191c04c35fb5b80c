"""Rules of silence: what nobody answered may have happened, and is found out without making anything twice."""

from __future__ import annotations

from payonce.domain.observation import Ref
from payonce.providers.contract import Ask, Call, Capabilities, Done, Handle, NotDone, Outcome, Unknown
from payonce.testing.conformance.bench import Bench, Made, payments
from payonce.testing.conformance.rules import need, rule
from payonce.testing.conformance.wire import UNDECIDED, Course, answered, half_answered, lost_after, lost_before

_PAYABLE = ("open", "action", "asks_again")


@rule("No answer, half an answer and nobody's answer decide nothing: the outcome is Unknown, whatever was asked.")
def nothing_is_decided(bench: Bench) -> None:
    made = bench.make()
    calls: dict[str, object] = {"create": bench.till.prepare(bench.ask())}
    courses: dict[str, Course] = {"no answer": lost_before} | {
        name: answered(answer) for name, answer in UNDECIDED.items()
    }
    for name, course in courses.items():
        with bench.wire.going(course):
            outcomes: dict[str, Outcome] = {
                "create": bench.run(bench.till.create(bench.till.prepare(bench.ask()))),
                "read": bench.read(made.handle.ref),
            }
            if bench.capabilities.can_close:
                outcomes["close"] = bench.close(made)
            if _lists(bench.capabilities):
                outcomes["find"] = bench.find(made.ask)
        for operation, outcome in outcomes.items():
            need(isinstance(outcome, Unknown), f"{operation} that met {name} was {outcome!r:.200}")
    need(calls, "nothing was asked")
    with bench.wire.going(half_answered):
        outcome = bench.run(bench.till.create(bench.till.prepare(bench.ask())))
    need(isinstance(outcome, Unknown), f"create with half an answer was {outcome!r:.200}")


@rule("A create that was lost before it arrived ends with one payable object, or with none that anybody was led to.")
def lost_before_it_arrived(bench: Bench) -> None:
    _lost(bench, lost_before)


@rule("A create whose answer was lost ends with one payable object, or with none that anybody was led to.")
def lost_after_it_took_effect(bench: Bench) -> None:
    _lost(bench, lost_after)


@rule(
    "An object that was never made is not found, and the provider says so clearly.",
    applies=lambda capabilities: capabilities.idempotency == "natural" or _lists(capabilities),
)
def what_was_never_made(bench: Bench) -> None:
    ask = bench.ask()
    own = bench.adapter.own_ref(bench.till.prepare(ask))
    if own is not None:
        outcome = bench.read(own)
        need(isinstance(outcome, NotDone) and outcome.code == "not_found", f"a read was answered {outcome!r:.200}")
        return
    outcome = bench.find(ask)
    need(isinstance(outcome, Done), f"the list was answered {outcome!r:.200}")
    need(not _mine(outcome, ask), "something was found that was never made")


def _lists(capabilities: Capabilities) -> bool:
    return capabilities.can_find and capabilities.idempotency != "natural"


def _lost(bench: Bench, course: Course) -> None:
    ask = bench.ask()
    call = bench.till.prepare(ask)
    with bench.wire.going(course):
        outcome = bench.run(bench.till.create(call))
    need(isinstance(outcome, Unknown), f"it was answered {outcome!r:.200}")
    handle = _resolve(bench, ask, call)
    payable = bench.party.truth.payable_attempts()
    need(payable <= {ask.attempt_id}, "something of another attempt can be paid")
    if handle is None:
        # Given up: nobody was led anywhere. Where it can be closed, nothing stays open behind us.
        need(not (payable and bench.capabilities.can_close), "what was given up can still be paid, and could be closed")
        return
    made = Made(ask, call, handle, Done(()))
    need(bench.pay(made) == "succeeded", "who follows the handle cannot pay")
    bench.hear()
    need(len(bench.captures(made)) == 1, f"the attempt was paid {len(bench.captures(made))} times")
    need(not bench.party.truth.payable_attempts(), "a second object can be paid")


def _resolve(bench: Bench, ask: Ask, call: Call) -> Handle | None:
    """What payonce does after an unknown create, as the capabilities say; the handle that it comes to, or None."""
    if bench.capabilities.idempotency != "none":
        again = bench.run(bench.till.create(call))
        need(not isinstance(again, NotDone), f"the repetition was answered {again!r:.200}")
        if isinstance(again, Done) and again.handle is not None:
            return again.handle
        need(isinstance(again, Done) or again.key_is_spent, f"the repetition says nothing: {again!r:.200}")  # type: ignore[union-attr]
    own = bench.adapter.own_ref(call)
    if own is not None:
        _end(bench, ask, own)
        return None
    if not bench.capabilities.can_find:
        return None
    found = bench.find(ask)
    need(isinstance(found, Done), f"the list was answered {found!r:.200}")
    mine = _mine(found, ask)
    need(len(mine) <= 1, f"the list has {len(mine)} objects of the attempt")
    read = bench.read(mine[0]) if mine else None
    return read.handle if isinstance(read, Done) else None


def _end(bench: Bench, ask: Ask, own: Ref) -> None:
    """Close what has our name and cannot be paid by anybody any more, because its handle was lost."""
    read = bench.read(own)
    if isinstance(read, NotDone):
        need(read.code == "not_found", f"a read by our name was answered {read!r:.200}")
        return
    need(isinstance(read, Done), f"a read by our name was answered {read!r:.200}")
    if isinstance(read, Done) and any(seen.status in _PAYABLE for seen in payments(read.observations)):
        closed = bench.run(bench.till.close(own, ask.attempt_id))
        need(isinstance(closed, Done), f"the close was answered {closed!r:.200}")


def _mine(found: Outcome, ask: Ask) -> list[Ref]:
    seen = payments(found.observations) if isinstance(found, Done) else []
    return list(dict.fromkeys(one.ref for one in seen if one.attempt_id == ask.attempt_id))
