"""Rules of statuses: every documented one has a meaning here, and every other one is `unknown`."""

from __future__ import annotations

from payonce.providers.contract import Done, NotDone, Unknown
from payonce.providers.transport import Answer, Request, Transport
from payonce.testing.conformance.bench import Bench, came, payments
from payonce.testing.conformance.rules import need, rule


@rule("Every status of the provider's documentation is reached by the suite.", by_flow=False)
def all_are_reached(bench: Bench) -> None:
    reached = {situation.status for situation in bench.case.situations()}
    need(reached == bench.case.documented, f"they differ by {sorted(reached ^ bench.case.documented)}")


@rule("Every documented status is read as what it means, and brings money exactly where money came.")
def each_is_read(bench: Bench) -> None:
    for situation in bench.case.situations():
        if situation.flow not in (None, bench.flow):
            continue
        at = Bench(bench.case, bench.flow)
        made = at.make()
        situation.reach(at, made)
        at.hear()
        read = at.read(made.handle.ref)
        need(isinstance(read, Done), f"{situation.status}: the read was answered {read!r:.200}")
        if isinstance(read, Done):
            statuses = [seen.status for seen in payments(read.observations) if seen.ref == made.handle.ref]
            need(statuses == [situation.reads_as], f"{situation.status} is read as {statuses}")
            need(
                bool(came(read.observations)) == situation.brings,
                f"{situation.status} brings {came(read.observations)}",
            )
            again = bench.adapter.again(read.body, "poll")
            told = getattr(again, "observations", None)
            need(told == read.observations, f"{situation.status}: its stored bytes say {again!r:.200}")


@rule("A status in an answer that nobody documented is `unknown`, or the whole answer is.")
def an_unheard_status(bench: Bench) -> None:
    made, _ = bench.paid()

    async def course(request: Request, inner: Transport) -> Answer:
        answer = await inner.send(request)
        return Answer(answer.status, answer.headers, bench.case.unheard_of(answer.body))

    with bench.wire.going(course):
        read = bench.read(made.handle.ref)
    need(not isinstance(read, NotDone), f"the read was answered {read!r:.200}")
    if not isinstance(read, Unknown):
        statuses = {seen.status for seen in payments(read.observations)} if isinstance(read, Done) else set()
        need(statuses == {"unknown"}, f"it is read as {statuses}")


@rule("An object that does not exist is `not_found`, which is a clear no.")
def what_does_not_exist(bench: Bench) -> None:
    made = bench.make()
    elsewhere = Bench(bench.case, bench.flow)
    read = elsewhere.read(made.handle.ref)
    if elsewhere.capabilities.also_read and isinstance(read, Done):
        # A list of its payments is all that such an object is read by.
        need(not came(read.observations), "money of an object that does not exist")
        return
    need(isinstance(read, NotDone) and read.code == "not_found", f"the read was answered {read!r:.200}")
