"""Rules of closing: what cannot be paid any more is told so, and what was paid in the last moment is not lost."""

from __future__ import annotations

from payonce.providers.contract import Done, NotDone, Unknown
from payonce.testing.conformance.bench import Bench, Made, payments
from payonce.testing.conformance.rules import need, rule
from payonce.testing.conformance.wire import after, lost_after

CLOSED = ("closed", "failed")


@rule("What was closed cannot be paid, and is read as closed.", applies=lambda capabilities: capabilities.can_close)
def closed_is_closed(bench: Bench) -> None:
    made = bench.make()
    outcome = bench.close(made)
    need(isinstance(outcome, Done), f"the close was answered {outcome!r:.200}")
    need(not bench.party.truth.payable_attempts(), "it can still be paid")
    need(bench.pay(made) == "refused", "its payer can still pay")
    _reads_as(bench, made, CLOSED)


@rule(
    "A provider that cannot close is not asked to, and what was made stays payable.", applies=lambda c: not c.can_close
)
def never_closed(bench: Bench) -> None:
    made = bench.make()
    before = len(bench.wire.sent)
    outcome = bench.close(made)
    need(isinstance(outcome, NotDone) and outcome.code == "not_closable", f"the close was answered {outcome!r:.200}")
    need(len(bench.wire.sent) == before, "a request was sent")
    need(bench.party.truth.payable_attempts() == {made.ask.attempt_id}, "it cannot be paid any more")


@rule("Closing twice harms nothing: the second is done too, or refused and then read.", applies=lambda c: c.can_close)
def closed_twice(bench: Bench) -> None:
    made = bench.make()
    bench.close(made)
    again = bench.close(made)
    refused = isinstance(again, NotDone) and again.code == "not_closable"
    need(isinstance(again, Done) or refused, f"the second close was answered {again!r:.200}")
    _reads_as(bench, made, CLOSED)


@rule("What is paid in the moment of its closing is never called closed.", applies=lambda c: c.can_close)
def paid_while_being_closed(bench: Bench) -> None:
    made = bench.make()
    with bench.wire.going(after(lambda: bench.pay(made))):
        outcome = bench.close(made)
    need(not isinstance(outcome, Unknown), f"the close was answered {outcome!r:.200}")
    statuses = [seen.status for seen in payments(outcome.observations)] if isinstance(outcome, Done) else []
    need(not set(statuses) & set(CLOSED), "the close says that it is closed")
    if isinstance(outcome, NotDone):
        need(outcome.code == "not_closable", f"the close was answered {outcome!r:.200}")
    bench.hear()
    _reads_as(bench, made, ("paid",))


@rule("A close whose answer was lost is read, and reads as closed.", applies=lambda c: c.can_close)
def a_lost_close(bench: Bench) -> None:
    made = bench.make()
    with bench.wire.going(lost_after):
        outcome = bench.close(made)
    need(isinstance(outcome, Unknown), f"the close was answered {outcome!r:.200}")
    _reads_as(bench, made, CLOSED)


def _reads_as(bench: Bench, made: Made, allowed: tuple[str, ...]) -> None:
    read = bench.read(made.handle.ref)
    seen = payments(read.observations) if isinstance(read, Done) else []
    statuses = [one.status for one in seen if one.ref == made.handle.ref]
    need(len(statuses) == 1 and statuses[0] in allowed, f"it is read as {statuses}")
