"""Stripe's lists: what is asked for, and that one entry which nobody can read hides no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from payonce.base.errors import Bug
from payonce.providers.contract import NotDone, Unknown, Unreadable, Verified
from payonce.providers.listing import Page
from payonce.providers.stripe.events import HANDLED
from payonce.providers.stripe.lists import LISTS, PAYMENT_EVENTS, RETURN_EVENTS
from payonce.providers.transport import Answer
from tests.providers.stripe.samples import NOW, Object, adapter, event, heard, intent, ok, refund

SECOND = int(NOW.timestamp())
CALL = adapter().list_page("payment_intents", NOW, None, None)


def listed(*entries: object, more: bool = False) -> Answer:
    """A page as Stripe gives it."""
    return ok({"object": "list", "data": list(entries), "has_more": more, "url": "/v1/x"})


def read(answer: Answer) -> Page:
    """The page of an answer."""
    page = adapter().listed(CALL, answer)
    assert isinstance(page, Page), page
    return page


def test_every_handled_type_is_asked_for_in_one_of_the_two_logs() -> None:
    """A11: a type that a webhook tells is in a log; a call takes twenty types at most."""
    assert {*PAYMENT_EVENTS, *RETURN_EVENTS} == set(HANDLED)
    assert not {*PAYMENT_EVENTS} & {*RETURN_EVENTS}
    assert max(len(PAYMENT_EVENTS), len(RETURN_EVENTS)) <= 20


def test_an_entry_of_the_log_says_its_key_without_being_read_and_an_object_has_none() -> None:
    """A6: what is known by its key is not read again, so the key is the one that reading finds."""
    body = event("payment_intent.succeeded", intent())
    [entry] = read(listed(body)).entries
    assert entry.key == adapter().again(entry.body, "backfill").key != ""
    odd = [{"object": "event", "id": 7}, {"object": "event"}, "a text", {"object": "payment_intent", "id": "pi_1"}]
    assert [one.key for one in read(listed(*odd)).entries] == [""] * 4


@pytest.mark.parametrize("name", [listing.name for listing in LISTS])
def test_a_page_is_asked_for_by_its_window_and_the_entry_before_it(name: str) -> None:
    """A11: whole seconds, both ends included, the largest page, and the place to go on."""
    call = adapter().list_page(name, NOW, NOW + timedelta(hours=1), "evt_1")
    asked = parse_qsl(urlsplit(call.path).query)
    assert (call.method, call.operation, call.body, call.idempotency_key) == ("GET", "list", b"", None)
    assert dict(asked) | {"limit": "100", "starting_after": "evt_1"} == dict(asked)
    assert ("created[gte]", str(SECOND)) in asked and ("created[lte]", str(SECOND + 3600)) in asked
    types = [value for key, value in asked if key == "types[]"]
    assert bool(types) == call.path.startswith("/v1/events?")


def test_the_newest_is_asked_for_without_an_end() -> None:
    assert "created%5Blte%5D" not in adapter().list_page("refunds", NOW, None, None).path
    with pytest.raises(Bug):
        adapter().list_page("customers", NOW, None, None)


def test_a_page_says_what_it_holds_when_it_was_made_and_where_it_goes_on() -> None:
    first, second = intent("succeeded", id="pi_2", created=SECOND + 5), intent(id="pi_1", created=SECOND)
    page = read(listed(first, second, more=True))
    assert [entry.made_at for entry in page.entries] == [NOW + timedelta(seconds=5), NOW]
    assert (page.next_page, page.newest, page.spans) == ("pi_1", NOW + timedelta(seconds=5), timedelta(seconds=5))
    said = [adapter().again(entry.body, "backfill") for entry in page.entries]
    assert [one.observations[0].seen.ref.id for one in said if isinstance(one, Verified)] == ["pi_2", "pi_1"]
    assert read(listed(first)).next_page is None
    assert read(listed()) == Page(())


def test_an_event_of_the_log_says_what_its_webhook_says_under_the_same_key() -> None:
    """A6: the same event is the same, whichever way it came."""
    told = event("refund.updated", refund("failed"))
    [entry] = read(listed(told | {"pending_webhooks": 3})).entries
    assert adapter().again(entry.body, "backfill") == heard("refund.updated", refund("failed"))


ODD: list[Object | str | None] = [
    {"id": "pi_odd", "object": "payment_intent", "description": "\x00", "created": SECOND},
    {"id": "pi_odd", "object": "payment_intent", "amount": 1e300, "created": "yesterday"},
    {"id": "pi_odd", "object": "something_new"},
    "no object at all",
    None,
]


@pytest.mark.parametrize("odd", ODD, ids=["a NUL", "odd values", "another kind", "a text", "nothing"])
def test_an_entry_that_nobody_can_read_hides_no_other(odd: object) -> None:
    """A11: what is odd in one entry, perhaps somebody else's, is met when that one is read, and only then."""
    page = read(listed(intent("succeeded", created=SECOND), odd))
    ours, theirs = (adapter().again(entry.body, "backfill") for entry in page.entries)
    assert isinstance(ours, Verified) and ours.observations
    assert isinstance(theirs, Unreadable)


WRONG: dict[str, bytes] = {
    "no list": b'{"object":"payment_intent"}',
    "no data": b'{"object":"list","has_more":false}',
    "no end": b'{"object":"list","data":[]}',
    "an empty page that is not the last": b'{"object":"list","data":[],"has_more":true}',
    "a last entry without an id": b'{"object":"list","data":[{}],"has_more":true}',
    "half of it": b'{"object":"list","data":[{"id":',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_list_decides_nothing(body: bytes) -> None:
    assert isinstance(adapter().listed(CALL, Answer(200, (), body)), Unknown)


def test_a_page_that_is_too_large_is_asked_for_in_smaller_windows() -> None:
    said = adapter().listed(CALL, Answer(200, (), b" " * (2 * 1024 * 1024 + 1)))
    assert isinstance(said, Unknown) and said.is_too_much


def test_a_refusal_is_a_clear_no_and_trouble_is_none() -> None:
    error = json.dumps({"error": {"type": "invalid_request_error", "message": "no"}}).encode()
    assert isinstance(adapter().listed(CALL, Answer(403, (), error)), NotDone)
    busy = adapter().listed(CALL, Answer(429, (), error))
    assert isinstance(busy, NotDone) and busy.may_repeat
    assert isinstance(adapter().listed(CALL, Answer(500, (), error)), Unknown)


def test_times_that_no_clock_shows_are_no_times() -> None:
    for odd in (-1, 10**15, "1", None, True, 1.5):
        assert read(listed(intent(created=odd))).entries[0].made_at is None
    assert read(listed(intent(created=0))).entries[0].made_at == datetime(1970, 1, 1, tzinfo=UTC)
