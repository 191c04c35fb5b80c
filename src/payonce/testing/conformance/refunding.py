"""Rules of sending money back: once, known by our own id, and never lost sight of."""

from __future__ import annotations

from payonce.domain.observation import Ref
from payonce.providers.contract import Call, Capabilities, Done, NotDone, RefundAsk, SendsBack, Unknown
from payonce.testing.conformance.bench import HOUR, PATIENCE, Bench, Made, came, refunds
from payonce.testing.conformance.rules import need, rule
from payonce.testing.conformance.wire import UNDECIDED, answered, lost_after, lost_before


def _can(capabilities: Capabilities) -> bool:
    return capabilities.refund != "none"


@rule("Capabilities say whether money can be sent back, and the adapter agrees.", by_flow=False)
def honest(bench: Bench) -> None:
    need(isinstance(bench.adapter, SendsBack) == _can(bench.capabilities), "they disagree")


@rule("A refund arrives once, and everything that tells of it carries our refund's id.", applies=_can)
def arrives_once(bench: Bench) -> None:
    made, ask, call = _asked(bench)
    outcome = bench.run(bench.refunder.refund(call))
    need(isinstance(outcome, Done), f"it was answered {outcome!r:.200}")
    if isinstance(outcome, Done):
        _is_ours(ask, outcome, "the answer")
        ended = [one.status for one in refunds(outcome.observations)]
        need(bench.capabilities.refund != "sync" or ended == ["succeeded"], f"it is sync, and was answered {ended}")
    for each in bench.hear():
        strangers = [one for one in refunds(each.seen) if one.refund_id != ask.refund_id]
        need(not strangers, "a notice of it does not carry its id")
    _ends(bench, ask, call)
    [back] = bench.party.truth.refunds_by_id().get(ask.refund_id, [None])
    need(back is not None and back.amount_minor == ask.amount_minor, f"the provider's books say {back}")
    need(back is not None and back.capture == bench.captures(made)[0].id, "it went back of another payment")


@rule("The stored call of a refund, sent again, sends nothing back a second time.", applies=_can)
def asked_twice(bench: Bench) -> None:
    _, ask, call = _asked(bench)
    bench.run(bench.refunder.refund(call))
    again = bench.run(bench.refunder.refund(call))
    is_known = isinstance(again, Done) or (isinstance(again, Unknown) and again.key_is_spent)
    need(is_known, f"the repetition was answered {again!r:.200}")
    _ends(bench, ask, call)
    count = len(bench.party.truth.refunds_by_id().get(ask.refund_id, []))
    need(count == 1, f"it went back {count} times")


@rule("A part of a payment is sent back as that part.", applies=_can)
def a_part(bench: Bench) -> None:
    _, ask, call = _asked(bench, bench.case.amount_minor // 3)
    outcome = bench.run(bench.refunder.refund(call))
    amounts = [one.amount_minor for one in refunds(outcome.observations)] if isinstance(outcome, Done) else []
    need(amounts == [ask.amount_minor], f"it was answered {outcome!r:.200}")
    _ends(bench, ask, call)


@rule("A refund whose answer was lost is found by our own id.", applies=_can)
def lost_after_it_took_effect(bench: Bench) -> None:
    _, ask, call = _asked(bench)
    with bench.wire.going(lost_after):
        outcome = bench.run(bench.refunder.refund(call))
    need(isinstance(outcome, Unknown), f"it was answered {outcome!r:.200}")
    _ends(bench, ask, call)


@rule("A refund that never arrived is not found, and the provider says so clearly.", applies=_can)
def lost_before_it_arrived(bench: Bench) -> None:
    _, ask, call = _asked(bench)
    with bench.wire.going(lost_before):
        bench.run(bench.refunder.refund(call))
    looked = bench.run(bench.refunder.look_for_refund(ask, call, bench.clock.now()))
    absent = isinstance(looked, NotDone) and looked.code == "not_found"
    listed = isinstance(looked, Done) and all(one.refund_id != ask.refund_id for one in refunds(looked.observations))
    need(absent or listed, f"it was answered {looked!r:.200}")
    need(not bench.party.truth.refunds_by_id(), "money went back")


@rule("Answers that decide nothing decide nothing of a refund either.", applies=_can)
def nothing_is_decided(bench: Bench) -> None:
    _, ask, call = _asked(bench)
    for name, answer in UNDECIDED.items():
        with bench.wire.going(answered(answer)):
            outcomes = [
                bench.run(bench.refunder.refund(call)),
                bench.run(bench.refunder.look_for_refund(ask, call, bench.clock.now())),
            ]
        need(all(isinstance(one, Unknown) for one in outcomes), f"{name}: {outcomes!r:.300}")


@rule("More than came is never sent back: it is refused, and nothing leaves.", applies=_can)
def more_than_came(bench: Bench) -> None:
    _, ask, call = _asked(bench, bench.case.amount_minor * 2)
    outcome = bench.run(bench.refunder.refund(call))
    need(not isinstance(outcome, Done), f"it was answered {outcome!r:.200}")
    left = bench.party.truth.refunds_by_id().get(ask.refund_id, [])
    need(all(one.status == "failed" for one in left), f"the provider's books say {left}")


def _asked(bench: Bench, amount_minor: int | None = None) -> tuple[Made, RefundAsk, Call]:
    """A paid object, and the refund of what it brought, ready to be sent."""
    made, heard = bench.paid()
    told = [ref for each in heard for ref in came(each.seen)]
    read = bench.read(made.handle.ref)
    told += list(came(read.observations)) if isinstance(read, Done) else []
    captures: list[Ref] = list(dict.fromkeys(told))
    need(len(captures) == 1, f"one payment is told as {captures}")
    ask = bench.refund_ask(made, captures[0], amount_minor)
    call = bench.refunder.prepare_refund(ask)
    need(call == bench.refunder.prepare_refund(ask), "two calls of one ask differ")
    return made, ask, call


def _ends(bench: Bench, ask: RefundAsk, call: Call) -> None:
    """Follow the refund until it arrived."""
    for _ in range(PATIENCE):
        looked = bench.run(bench.refunder.look_for_refund(ask, call, bench.clock.now()))
        need(isinstance(looked, Done), f"looked for, it was answered {looked!r:.200}")
        if isinstance(looked, Done):
            _is_ours(ask, looked, "looked for, it")
            ours = [one for one in refunds(looked.observations) if one.refund_id == ask.refund_id]
            if [one.status for one in ours] == ["succeeded"]:
                return
        bench.clock.advance(HOUR)
    need(False, "it did not arrive within a day")


def _is_ours(ask: RefundAsk, outcome: Done, where: str) -> None:
    ours = [one for one in refunds(outcome.observations) if one.refund_id == ask.refund_id]
    need(len(ours) == 1, f"{where} tells of {len(ours)} refunds with our id")
    told = (ours[0].capture, ours[0].amount_minor, ours[0].currency)
    need(told == (ask.capture, ask.amount_minor, ask.currency), f"{where} tells {told}")
