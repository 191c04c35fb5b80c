"""Rules of garbage: whatever the bytes, nothing is raised and nothing is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from payonce.providers.contract import Call, Done, Forged, SendsBack, SignsIn, Unreadable, Verified
from payonce.providers.transport import Answer
from payonce.testing.conformance.bench import Bench, came
from payonce.testing.conformance.case import Notice
from payonce.testing.conformance.rules import Seen, need, rule

T = TypeVar("T")
# The same examples in every run; what fails is made small.
TRIES: Final = 200
BYTES: Final = st.binary(max_size=200)
STATUSES: Final = st.integers(100, 599)
HEADERS: Final = st.dictionaries(st.text(max_size=20), st.text(max_size=80), max_size=3)
_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@rule("Bytes that nobody signed are forged, whatever they and their headers are.", by_flow=False)
def unsigned(bench: Bench) -> None:
    genuine = bench.paid()[1][0].notice

    def work(headers: dict[str, str], body: bytes) -> None:
        for each in ({**genuine.headers, **headers}, dict.fromkeys(genuine.headers, "\udcff é"), headers):
            verdict = bench.adapter.verify(each, body, bench.clock.now())
            need(isinstance(verdict, Forged), f"{body!r:.100} is {verdict!r:.200}")

    try_many(work, HEADERS, BYTES)


@rule("A signed notice of any content is kept, and where it cannot be understood it tells nothing.", by_flow=False)
def signed(bench: Bench) -> None:
    def work(content: bytes) -> None:
        notice = bench.case.sign(content, bench.clock.now())
        verdict = bench.verify(notice)
        told = verdict.observations if isinstance(verdict, Verified) else ()
        need(not told, f"{content!r:.100} tells {told!r:.200}")

    try_many(work, BYTES)


@rule("A signed notice with any of its members missing or changed is kept, and nothing is raised.")
def signed_and_changed(bench: Bench) -> None:
    heard = next(each for each in bench.paid()[1] if each.captured_minor)
    content = bench.case.content(heard.notice.body)

    def work(place: int, value: Any, leave_out: bool) -> None:
        changed = _changed(content, place, value, leave_out)
        notice: Notice = bench.case.sign(changed, bench.clock.now())
        verdict = bench.verify(notice)
        need(isinstance(verdict, Verified | Unreadable | Forged), f"it is {verdict!r:.200}")
        again = bench.adapter.again(notice.body, "webhook")
        need(isinstance(again, Verified | Unreadable), f"again it is {again!r:.200}")

    try_many(work, st.integers(0, 200), _VALUES, st.booleans())


@rule("Garbage is no answer: nothing is raised, and no money is told of.")
def answers(bench: Bench) -> None:
    made, _ = bench.paid()
    calls = _calls(bench, made.call)

    def work(status: int, headers: dict[str, str], body: bytes) -> None:
        answer = Answer(status, tuple(headers.items()), body)
        for call in calls:
            outcome = bench.adapter.understand(call, answer)
            told = came(outcome.observations) if isinstance(outcome, Done) else {}
            need(not told, f"{call.operation} with {body!r:.100} tells {told}")
        if isinstance(bench.adapter, SignsIn):
            token = bench.adapter.token_of(answer)
            need(not isinstance(token, str), f"{body!r:.100} is the token {token!r:.40}")

    try_many(work, STATUSES, HEADERS, BYTES)


@rule("Stored bytes that cannot be read are kept as what they are, and tell nothing.", by_flow=False)
def stored(bench: Bench) -> None:
    def work(body: bytes) -> None:
        for source in ("webhook", "poll", "backfill"):
            again = bench.adapter.again(body, source)
            told = again.observations if isinstance(again, Verified) else ()
            need(not told, f"{body!r:.100} tells {told!r:.200}")

    try_many(work, BYTES)


def try_many(work: Callable[..., None], *strategies: Any) -> None:
    """Try the work with many examples, and raise what the smallest failing one saw."""
    tried = settings(
        max_examples=TRIES, derandomize=True, database=None, deadline=None, phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck), print_blob=False,
    )(given(st.tuples(*strategies))(lambda values: work(*values)))  # fmt: skip
    try:
        tried()
    except Seen:
        raise
    except Exception as error:
        raise Seen(f"it raised {type(error).__name__}: {error}") from error


def _changed(content: bytes, place: int, value: Any, leave_out: bool) -> bytes:
    """The JSON with one of its members, counted through, left out or with another value."""
    found = json.loads(content)
    members: list[tuple[dict[str, Any], str]] = []
    _collect(found, members)
    holder, name = members[place % len(members)]
    if leave_out:
        del holder[name]
    else:
        holder[name] = value
    return json.dumps(found, ensure_ascii=False).encode("utf-8", "replace")


def _collect(value: Any, members: list[tuple[dict[str, Any], str]]) -> None:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict):
        members.extend((value, name) for name in value)
    for each in inner:
        _collect(each, members)


def _calls(bench: Bench, create: Call) -> list[Call]:
    """One call of every operation that the provider knows."""
    made, _ = bench.paid()
    ref, now = made.handle.ref, bench.clock.now()
    found: list[object] = [create, bench.adapter.read(ref), bench.adapter.close(ref, made.ask.attempt_id)]
    if bench.capabilities.can_find and bench.capabilities.idempotency != "natural":
        found.append(bench.adapter.find(bench.flow, now - timedelta(hours=1), now, None))
    if isinstance(bench.adapter, SendsBack):
        read = bench.read(ref)
        [capture, *_] = came(read.observations) if isinstance(read, Done) else []
        ask = bench.refund_ask(made, capture)
        refund = bench.refunder.prepare_refund(ask)
        found += [refund, bench.adapter.look_for_refund(ask, refund, now)]
    return [call for call in found if isinstance(call, Call)]
