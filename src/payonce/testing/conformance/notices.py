"""Rules of notices: genuine ones are believed and told the same for ever; all others leave nothing behind."""

from __future__ import annotations

from typing import Final

from payonce.providers.contract import Forged, Unreadable, Verdict, Verified
from payonce.testing.conformance.bench import Bench, Heard, NotReady, payments
from payonce.testing.conformance.case import Notice, What
from payonce.testing.conformance.rules import need, rule

DAY: Final = 24 * 3600.0


@rule("A genuine notice is believed, comes from the account's own provider, and is a hint and no read.")
def genuine(bench: Bench) -> None:
    _, heard = bench.paid()
    need(heard, "the party sends no notices")
    for each in heard:
        need(isinstance(each.verdict, Verified), f"it is {each.verdict!r:.200}")
        whose = {(one.provider, one.account, one.source, one.live_mode) for one in each.seen}
        need(whose <= {(bench.adapter.provider, bench.adapter.account, "webhook", False)}, f"it tells of {whose}")
        if isinstance(each.verdict, Verified) and each.verdict.handled:
            told = each.verdict.type
            need(told in bench.capabilities.handled_events, f"{told!r} is handled, and capabilities do not name it")
    need(any(each.captured_minor for each in heard), "no notice tells of the money")


@rule("A notice without its signature is forged.")
def without_signature(bench: Bench) -> None:
    for each in _heard(bench):
        _forged(bench.verify(bench.case.unsigned(each.notice)))


@rule("A notice of which any byte was changed is forged, or says nothing else than it did.")
def a_changed_byte(bench: Bench) -> None:
    notice = _of_money(bench).notice
    before = bench.verify(notice)
    for place, byte in enumerate(notice.body):
        body = notice.body[:place] + bytes([byte ^ 1]) + notice.body[place + 1 :]
        verdict = bench.verify(Notice(notice.headers, body))
        told = verdict.observations if isinstance(verdict, Verified) else ()
        same = isinstance(before, Verified) and told == before.observations
        need(not told or same, f"with byte {place} changed it tells {told!r:.200}")
    for name, value in notice.headers.items():
        for place, letter in enumerate(value):
            changed = value[:place] + chr(ord(letter) ^ 1) + value[place + 1 :]
            verdict = bench.verify(Notice({**notice.headers, name: changed}, notice.body))
            need(isinstance(verdict, Forged) or verdict == before, f"with {name} changed it is {verdict!r:.200}")


@rule("Another account's notice is forged there, or names whose it is; a test notice is never live money.")
def strangers(bench: Bench) -> None:
    for each in _heard(bench):
        for adapter in bench.case.strangers():
            verdict = adapter.verify(each.notice.headers, each.notice.body, bench.clock.now())
            if isinstance(verdict, Forged):
                continue
            need(isinstance(verdict, Verified), f"{adapter.account} calls it {verdict!r:.200}")
            if isinstance(verdict, Verified) and verdict.account is None:
                need(adapter.mode == "live", f"{adapter.account} takes it for its own")
                need(not verdict.live_mode, f"{adapter.account} takes it for live money")
                need(not any(one.live_mode for one in verdict.observations), "an observation of it is live")


@rule("A notice that comes again has the same name and says the same; one that comes much later may also be refused.")
def replays(bench: Bench) -> None:
    for each in _heard(bench):
        need(bench.verify(each.notice) == each.verdict, "the same bytes are told another way")
    bench.clock.advance(DAY)
    for each in _heard(bench):
        late = bench.verify(each.notice)
        need(isinstance(late, Forged) or late == each.verdict, f"a day later it is {late!r:.200}")


@rule("Different notices have different names.")
def names(bench: Bench) -> None:
    keys: dict[str, bytes] = {}
    for each in [*_heard(bench), *_heard(bench)]:
        if isinstance(each.verdict, Verified | Unreadable):
            other = keys.setdefault(each.verdict.key, each.notice.body)
            need(other == each.notice.body, f"two notices are named {each.verdict.key!r}")


@rule("Stored bytes of a notice that are read again say the same as when they came.")
def read_again(bench: Bench) -> None:
    for each in _heard(bench):
        again = bench.adapter.again(each.notice.body, "webhook")
        need(again == each.verdict, f"again it is {again!r:.200}")


@rule("A genuine notice of another amount tells that amount, and not what was asked.")
def another_amount(bench: Bench) -> None:
    half = bench.case.amount_minor // 2
    told = _retold(bench, "amount", half)
    if told is not None:
        need(told.captured_minor == half, f"{half} came, and it tells {told.captured_minor}")


@rule("A genuine notice of another currency tells that currency, and not the one that was asked.")
def another_currency(bench: Bench) -> None:
    told = _retold(bench, "currency", bench.case.other_currency)
    if told is not None:
        currencies = {seen.currency for seen in payments(told.seen)}
        need(currencies == {bench.case.other_currency}, f"it tells {currencies}")


@rule("A status in a notice that nobody documented is `unknown`: neither paid nor failed.")
def an_unheard_status(bench: Bench) -> None:
    told = _retold(bench, "status", "somewhere_else")
    if told is not None:
        statuses = {seen.status for seen in payments(told.seen)}
        need(statuses <= {"unknown"}, f"it tells {statuses}")


@rule("Each of the four answers to a notice means to the provider what it means here: only `retry` brings it again.")
def acknowledgements(bench: Bench) -> None:
    for word in ("accepted", "duplicate", "retry"):
        again = Bench(bench.case, bench.flow)
        again.pay(again.make())
        first = again.party.due_deliveries()
        need(first, "the party sends no notices")
        answer = again.adapter.acknowledge(word)
        for delivery in first:
            again.party.delivered(delivery.delivery_id, answer.status, answer.body)
        again.clock.advance(DAY)
        count = len(again.party.due_deliveries())
        need(bool(count) == (word == "retry"), f"after {word!r} {count} notices came again")
    forged = bench.adapter.acknowledge("forged")
    need(forged != bench.adapter.acknowledge("accepted"), "a forged notice is answered like one that is stored")


def _heard(bench: Bench) -> list[Heard]:
    return bench.paid()[1]


def _of_money(bench: Bench) -> Heard:
    """The notice that tells of money."""
    found = next((each for each in _heard(bench) if each.captured_minor), None)
    if found is None:
        raise NotReady("no notice of a payment tells of money")
    return found


def _retold(bench: Bench, what: What, value: str | int) -> Heard | None:
    """The notice of money, genuinely signed with another content; None where it carries nothing of the kind."""
    content = bench.case.retold(bench.case.content(_of_money(bench).notice.body), what, value)
    if content is None:
        return None
    notice = bench.case.sign(content, bench.clock.now())
    told = Heard(notice, bench.verify(notice))
    need(not isinstance(told.verdict, Forged), f"a genuine notice is {told.verdict!r:.200}")
    return told


def _forged(verdict: Verdict) -> None:
    need(isinstance(verdict, Forged), f"it is {verdict!r:.200}")
