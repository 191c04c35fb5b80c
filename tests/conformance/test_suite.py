"""The suite itself: an adapter that breaks a rule is caught by that rule, which is named with what was seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from payonce.domain.observation import PaymentSeen
from payonce.providers.contract import Adapter, Call, Done, NotDone, Unknown, Verified, plain_acknowledgement
from payonce.providers.listing import Page
from payonce.providers.transport import Request
from payonce.testing.conformance import RULES, SUBJECTS, Broken, Check, checks
from tests.conformance.acme import SETTINGS, AcmeCase, adapter
from tests.conformance.test_third_party import installed as installed
from tests.project.tree import ROOT

_numbers = count()
Methods = dict[str, Callable[..., Any]]


class _Planted(AcmeCase):
    """Acme with some methods of its adapter exchanged; each gets the adapter's own method first."""

    def __init__(self, methods: Methods) -> None:
        self._methods = methods

    def adapter(self) -> Adapter:
        made: Any = adapter()
        own = type(made)
        planted = {name: _around(getattr(own, name), method) for name, method in self._methods.items()}
        if "capabilities" in self._methods:
            said, lie = own.capabilities, self._methods["capabilities"]
            planted["capabilities"] = property(lambda self: lie(said.fget(self)))  # type: ignore[assignment]
        made.__class__ = type("Planted", (own,), planted)
        return made  # type: ignore[no-any-return]


def _around(own: Any, method: Callable[..., Any]) -> Callable[..., Any]:
    def planted(self: Any, *values: Any) -> Any:
        return method(lambda *others: own(self, *others), *values)

    return planted


def _without_key(own: Any, call: Call) -> Request:
    request: Request = own(call)
    return replace(request, headers=tuple(pair for pair in request.headers if pair[0] != "idempotency-key"))


def _seen(own: Any, *values: Any, **changes: Any) -> Any:
    """The outcome or verdict with every payment in it changed."""
    outcome = own(*values)
    if not isinstance(outcome, Done | Verified):
        return outcome
    told = tuple(
        replace(one, seen=replace(one.seen, **changes)) if isinstance(one.seen, PaymentSeen) else one
        for one in outcome.observations
    )
    return replace(outcome, observations=told)


def _restated(before: str, after: str) -> Callable[..., Any]:
    def planted(own: Any, *values: Any) -> Any:
        outcome = own(*values)
        seen = outcome.observations[0].seen if isinstance(outcome, Done | Verified) and outcome.observations else None
        is_it = isinstance(seen, PaymentSeen) and seen.status == before
        return _seen(own, *values, status=after) if is_it else outcome

    return planted


def _no_for(wanted: type) -> Callable[..., Any]:
    def planted(own: Any, *values: Any) -> Any:
        outcome = own(*values)
        return NotDone("failed", "it failed") if isinstance(outcome, wanted) else outcome

    return planted


def _closed_anyway(own: Any, call: Call, answer: Any) -> Any:
    outcome = own(call, answer)
    if call.operation == "close" and isinstance(outcome, NotDone):
        return Done(())
    return outcome


PLANTED: dict[str, tuple[str, Methods]] = {
    "bytes that differ every time": (
        "creating.the_same_bytes",
        {"create": lambda own, ask: replace(own(ask), body=own(ask).body + b" " * next(_numbers))},
    ),
    "a secret in a stored call": (
        "creating.the_same_bytes",
        {"create": lambda own, ask: replace(own(ask), path=f"/charges?key={SETTINGS['api_key']}")},
    ),
    "an attempt that nobody can tell": (
        "creating.our_id_comes_back",
        {"understand": lambda own, *values: _seen(own, *values, attempt_id=None)},
    ),
    "no idempotency key": ("creating.a_create_again", {"request": _without_key}),
    "no idempotency key, and a lost answer": ("unknowns.lost_after_it_took_effect", {"request": _without_key}),
    "a name that is not ours": ("creating.a_natural_name", {"own_ref": lambda own, call: "ch_1"}),
    "an amount that is refused too late": (
        "creating.what_cannot_be_paid",
        {"create": lambda own, ask: own(replace(ask, amount_minor=4500, currency="EUR"))},
    ),
    "silence taken for a no": ("unknowns.nothing_is_decided", {"understand": _no_for(Unknown)}),
    "a new status taken for failed": (
        "statuses.an_unheard_status", {"understand": _restated("unknown", "failed")},
    ),
    "a new status in a notice taken for failed": (
        "notices.an_unheard_status", {"verify": _restated("unknown", "failed")},
    ),
    "money on its way taken for money": ("statuses.each_is_read", {"understand": _restated("pending", "paid")}),
    "what is unknown found": (
        "statuses.what_does_not_exist", {"understand": lambda own, *values: _no_for(NotDone)(own, *values)},
    ),
    "no look at the signature": (
        "notices.without_signature", {"verify": lambda own, headers, body, now: _unchecked(body)},
    ),
    "no look at what is signed": (
        "notices.a_changed_byte", {"verify": lambda own, headers, body, now: _unchecked(body)},
    ),
    "no look at whose secret it is": ("notices.names", {"verify": lambda own, *values: _named(own, *values)}),
    "a new name every time": (
        "notices.replays", {"verify": lambda own, *values: _named(own, *values, name=str(next(_numbers)))},
    ),
    "the amount that was asked": (
        "notices.another_amount", {"verify": lambda own, *values: _seen(own, *values, captured_minor=4500)},
    ),
    "the currency that was asked": (
        "notices.another_currency", {"verify": lambda own, *values: _seen(own, *values, currency="EUR")},
    ),
    "stored bytes that say something else": (
        "notices.read_again", {"verify": lambda own, *values: _seen(own, *values, reason="just now")},
    ),
    "stored for good, and asked for again": (
        "notices.acknowledgements", {"acknowledge": lambda own, what: plain_acknowledgement("accepted")},
    ),
    "a refused close taken for closed": ("closing.closed_twice", {"understand": _restated("closed", "open")}),
    "what was paid called closed": (
        "closing.paid_while_being_closed", {"understand": _restated("paid", "closed")},
    ),
    "a close that nobody can do": (
        "closing.never_closed", {"capabilities": lambda said: replace(said, can_close=False)},
    ),
    "refunds that are not owned up to": (
        "refunding.honest", {"capabilities": lambda said: replace(said, refund="none")},
    ),
    "no idempotency key of a refund": ("refunding.asked_twice", {"request": _without_key}),
    "a refund without our id": (
        "refunding.arrives_once",
        {"refund": lambda own, ask: replace(own(ask), body=own(ask).body.replace(b"rfd", b"x"))},
    ),
    "all of a payment for a part of it": (
        "refunding.a_part", {"refund": lambda own, ask: own(replace(ask, amount_minor=ask.captured_minor))},
    ),
    "a key without a life": (
        "honesty.capabilities_agree", {"capabilities": lambda said: replace(said, idempotency_life_seconds=0)},
    ),
    "the first page taken for the list": (
        "honesty.found_in_the_list",
        {"understand": lambda own, *values: replace(o, next_page=None) if isinstance(o := own(*values), Done) else o},
    ),
    "lists of one name": (
        "listing.owned_up_to", {"capabilities": lambda said: replace(said, lists=(said.lists[0], said.lists[0]))},
    ),
    "a list that shows no money": (
        "listing.what_was_paid_is_listed", {"again": lambda own, *values: _seen(own, *values, captured_minor=0)},
    ),
    "a log whose entries have other keys": (
        "listing.the_keys_of_a_log",
        {"capabilities": lambda said: replace(said, lists=(replace(said.lists[0], is_log=True),))},
    ),
    "the first page taken for the window": (
        "listing.windows_leave_nothing_out",
        {"listed": lambda own, *values: replace(p, next_page=None) if isinstance(p := own(*values), Page) else p},
    ),
    "silence taken for an empty list": (
        "listing.nothing_is_decided",
        {"listed": lambda own, *values: p if isinstance(p := own(*values), Page) else Page(())},
    ),
    "a list that raises": (
        "listing.garbage_is_no_list",
        {"listed": lambda own, call, answer: own(call, answer) if answer.body[:1] == b"{" else answer.body[999]},
    ),
    "a secret that is printed": (
        "honesty.secrets_are_not_printed", {"__repr__": lambda own: f"AcmeAdapter({SETTINGS['api_key']})"},
    ),
    "a header that raises": (
        "garbage.unsigned", {"verify": lambda own, headers, body, now: headers["acme-signature"].encode("ascii")},
    ),
    "garbage that raises": ("garbage.stored", {"again": lambda own, body, source: body.decode("ascii")}),
    "an answer that raises": (
        "garbage.answers",
        {"understand": lambda own, call, answer: own(call, answer) if answer.body[:1] == b"{" else answer.body[999]},
    ),
}  # fmt: skip


def _unchecked(body: bytes) -> Any:
    return adapter().again(body, "webhook")


def _named(own: Any, *values: Any, name: str = "the same") -> Any:
    verdict = own(*values)
    return replace(verdict, key=name) if isinstance(verdict, Verified) else verdict


def _checks(rule: str, case: AcmeCase) -> list[Check]:
    return [check for check in checks(case) if check.rule.name == rule]


@pytest.mark.parametrize(("rule", "methods"), PLANTED.values(), ids=PLANTED.keys())
def test_an_adapter_that_breaks_a_rule_is_caught_by_it_and_the_rule_is_named(rule: str, methods: Methods) -> None:
    [check] = _checks(rule, _Planted(methods))
    with pytest.raises(Broken) as broken:
        check()
    assert str(broken.value).startswith(f"{rule}: {check.rule.sentence} Seen: ")


def test_every_rule_is_a_sentence_of_its_own_and_says_so_on_the_page() -> None:
    page = (ROOT / "docs/providers.md").read_text("utf-8")
    sentences = [rule.sentence for rule in RULES]
    assert len(set(sentences)) == len(sentences) and all(re.match(r"[A-Z].*\.$", each) for each in sentences)
    assert [rule.name for rule in RULES if f"| `{rule.name}` | {rule.sentence} |" not in page] == []


def test_rules_stand_in_the_order_of_their_subjects() -> None:
    subjects = [module.__name__.rpartition(".")[2] for module in SUBJECTS]
    assert list(dict.fromkeys(rule.name.partition(".")[0] for rule in RULES)) == subjects
