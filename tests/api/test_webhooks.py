"""Webhooks: raw bytes in, an answer that means *stored durably* out."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from structlog.testing import capture_logs

from payonce.api.calls import Call
from payonce.api.gather import Gatherer
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.providers.contract import Acknowledged, Acknowledgement
from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.store.database import Limits
from payonce.usecases.acknowledge import acknowledged
from payonce.usecases.answers import Received
from tests.support.house import SECRET
from tests.support.line import Line
from tests.support.site import Site


def owed(site: Site) -> list[Any]:
    """The webhooks of one paid order."""
    order = site.place()
    site.open_link(order)
    site.pay(order)
    return site.house.owed_webhooks()


def send(site: Site, hook: Any, path: str = "/webhooks/stripe", **headers: str) -> httpx2.Response:
    return site.ask("POST", path, content=hook.body, headers=dict(hook.headers) | headers)


@pytest.mark.parametrize("path", ["/webhooks/stripe", "/webhooks/default/stripe", "/webhooks/default/stripe/main"])
def test_a_genuine_event_is_accepted_once_and_then_known(site: Site, path: str) -> None:
    """C2: one checkout session is processed once."""
    [*hooks] = owed(site)
    first = [send(site, hook, path).json()["verdict"] for hook in hooks]
    again = [send(site, hook, path) for hook in hooks * 3]
    assert set(first) == {"accepted"}
    assert {(answer.status_code, answer.json()["verdict"]) for answer in again} == {(200, "duplicate")}
    assert site.house.rows("SELECT count(*) FROM settlements") == [(1,)]
    assert site.house.rows("SELECT count(*) FROM events") == [(len(hooks),)]


def test_many_at_once_are_taken_in_groups_and_each_gets_its_answer(site: Site) -> None:
    """E14: repeated processing of one payment is counted and visible."""
    hooks = owed(site) * 20
    requests = [("POST", "/webhooks/stripe", {"content": h.body, "headers": dict(h.headers)}) for h in hooks]
    answers = site.together(*requests)
    assert {answer.status_code for answer in answers} == {200}
    verdicts = [answer.json()["verdict"] for answer in answers]
    assert verdicts.count("accepted") == len(hooks) // 20
    assert f'payonce_duplicates_absorbed_total{{kind="webhook"}} {float(len(hooks) - len(hooks) // 20)}' in site.ask(
        "GET", "/metrics"
    ).text  # fmt: skip


@pytest.mark.parametrize("spoil", ["no signature", "other body", "old", "future", "other secret"])
def test_a_forged_event_is_400_and_leaves_nothing_behind(site: Site, spoil: str) -> None:
    """B16: signatures are verified."""
    hook = owed(site)[0]
    headers, body = dict(hook.headers), hook.body
    if spoil == "no signature":
        headers = {name: text for name, text in headers.items() if name.lower() != "stripe-signature"}
    elif spoil == "other body":
        body = body.replace(b"4500", b"4501")
    elif spoil in ("old", "future"):
        site.clock.move(301 if spoil == "old" else -301)
    else:
        headers = {name: text.replace("v1=", "v1=0") for name, text in headers.items()}
    answer = site.ask("POST", "/webhooks/stripe", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_forged")
    assert site.house.rows("SELECT count(*) FROM events") == [(0,)]
    assert 'outcome="forged",provider="stripe",type=""' in site.ask("GET", "/metrics").text


@pytest.mark.parametrize(
    "path", ["/webhooks/nobody", "/webhooks/other/stripe", "/webhooks/default/stripe/second", "/webhooks/a/b/c/d"]
)
def test_where_nobody_has_an_account_there_is_nothing(site: Site, path: str) -> None:
    assert site.ask("POST", path, content=b"{}").status_code == 404


def test_where_two_merchants_have_a_provider_the_address_must_name_one(site: Site) -> None:
    world = site.house.world
    tills = {("stripe", "main"): site.house.till, ("stripe", "second"): site.house.till}
    owners = {("stripe", "main"): "default", ("stripe", "second"): "shop_2"}
    site.house.world = replace(world, tills=tills, merchants=owners)
    both = Site(site.house)
    hook = owed(site)[0]
    unclear = send(both, hook)
    assert (unclear.status_code, "/webhooks/MERCHANT/stripe" in unclear.json()["hint"]) == (404, True)
    assert send(both, hook, "/webhooks/default/stripe").status_code == 200
    both.close()


class Dialect(StripeAdapter):
    """A provider that reads the body of an answer, and takes every status but 200 for silence."""

    def acknowledge(self, what: Acknowledged) -> Acknowledgement:
        return Acknowledgement(200, f"{self.account} {what}".encode(), "text/plain")


def speaking(site: Site, **more: Any) -> Site:
    """A site whose accounts `first` and `second` answer in words of their own; only the second's secret is known."""
    house = site.house
    secrets = {"first": "whsec_of_nobody_1234567890", "second": SECRET}
    tills = {
        ("stripe", name): ProviderTill(
            Dialect("sk_test_1234567890", [secret], account=name), DirectTransport(house.stripe, house.clock)
        )
        for name, secret in secrets.items()
    }
    owners = dict.fromkeys(tills, "default")
    house.world = replace(house.world, tills=tills, merchants=owners, flows={}, **more)
    return Site(house)


def test_the_provider_is_answered_in_its_own_words_by_the_account_that_verified(site: Site) -> None:
    """The answer belongs to the provider's protocol: an adapter says it, and no status of ours stands in its way."""
    hook = owed(site)[0]
    other = speaking(site)
    answers = [
        send(other, hook),
        send(other, hook, "/webhooks/default/stripe/second"),
        send(other, hook, "/webhooks/default/stripe/first"),
        other.ask("POST", "/webhooks/stripe", content=b"forged"),
    ]
    assert [(answer.status_code, answer.text) for answer in answers] == [
        (200, "second accepted"), (200, "second duplicate"), (200, "first forged"), (200, "first forged"),
    ]  # fmt: skip
    assert {answer.headers["content-type"] for answer in answers} == {"text/plain; charset=utf-8"}
    other.close()


def test_while_the_store_does_not_answer_a_provider_hears_it_in_its_own_words(cut_site: tuple[Site, Line]) -> None:
    site, line = cut_site
    hook = owed(site)[0]
    other = speaking(site)
    line.close()
    answer = send(other, hook)
    assert (answer.status_code, answer.text) == (200, "second retry")
    other.close()


def test_whatever_breaks_on_our_side_a_provider_hears_that_it_may_come_again(site: Site) -> None:
    hook = owed(site)[0]
    other = speaking(site)

    async def broken(lane: str, items: Any) -> Any:
        raise RuntimeError("of ours")

    other.edge.gatherer = Gatherer(broken)
    answer = send(other, hook)
    assert (answer.status_code, answer.text) == (200, "first retry")
    other.close()


@pytest.mark.parametrize(
    ("verdict", "outcome", "told"),
    [
        ("accepted", "applied", "accepted"),
        ("accepted", "failed", "accepted"),
        ("duplicate", "applied", "duplicate"),
        ("duplicate", "ignored", "duplicate"),
        ("duplicate", "failed", "accepted"),
        ("forged", "forged", "forged"),
        ("retry", "retry", "retry"),
    ],
)
def test_what_came_before_and_is_not_applied_yet_counts_as_accepted(verdict: Any, outcome: str, told: str) -> None:
    assert acknowledged(Received(verdict, "zalopay", "order", outcome, "")) == told


def test_an_event_that_is_not_handled_is_stored_and_counted(site: Site) -> None:
    """B11: an event type that is not handled is stored, counted and listed; it is never an error."""
    hooks = owed(site)
    for hook in hooks:
        assert send(site, hook).status_code == 200
    listed = site.api("GET", "/events?limit=100").json()
    assert len(listed["data"]) == len(hooks)
    for each in listed["unhandled"]:
        assert each["events"] >= 1 and each["provider"] == "stripe"
    known = {event["type"] for event in listed["data"] if event["reason"] == "unhandled_type"}
    assert known == {each["type"] for each in listed["unhandled"]}


def test_while_the_store_does_not_answer_the_provider_is_asked_to_send_again(
    cut_site: tuple[Site, Line], database_url: str
) -> None:
    site, line = cut_site
    hook = owed(site)[0]
    line.close()
    answer = send(site, hook)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    mended = SyncDatabase(database_url, clock=site.clock, chance=site.house.world.chance, limits=Limits())
    site.house.world = replace(site.house.world, database=mended)
    healed = Site(site.house)
    assert send(healed, hook).json()["verdict"] == "accepted"
    healed.close()
    mended.close()


def test_the_requests_id_and_trace_are_stored_with_its_events(site: Site) -> None:
    hook = owed(site)[0]
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    send(site, hook, **{"X-Request-Id": "from-the-edge", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    rows = site.house.rows("SELECT request_id, trace_id FROM events")
    assert rows == [("from-the-edge", f"{trace}-00f067aa0ba902b7")]


def test_events_can_be_applied_again(site: Site) -> None:
    """C16: events are kept, listed and can be replayed."""
    for hook in owed(site):
        send(site, hook)
    before = site.house.rows("SELECT sum(amount_minor), count(*) FROM postings")
    for event in site.api("GET", "/events").json()["data"]:
        replayed = site.api("POST", f"/events/{event['id']}/replay", {})
        assert (replayed.status_code, replayed.json()["object"]) == (200, "event_replay")
    assert site.house.rows("SELECT sum(amount_minor), count(*) FROM postings") == before
    missing = site.api("POST", "/events/evt_00000000000000000000000000/replay")
    assert (missing.status_code, missing.json()["code"]) == (404, "event_unknown")


def test_what_is_no_delivery_meets_the_router_as_before(site: Site) -> None:
    """Deliveries pass the router by; everything else at their addresses is answered by it."""
    assert site.ask("GET", "/webhooks/stripe").status_code == 405
    assert site.ask("HEAD", "/webhooks/stripe").status_code == 405
    for path in ("/webhooks", "/webhooks/", "/webhooks//stripe", "/webhooks/a/b/c/d", "/webhooks/stripe/"):
        assert site.ask("POST", path, content=b"{}").status_code == 404, path


def test_below_a_prefix_of_another_application_deliveries_are_taken(site: Site) -> None:
    hook = owed(site)[0]
    host = Starlette(routes=[Mount("/payments", app=site.app)])

    async def story() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(host), base_url="http://shop.test") as client:
            return await client.post("/payments/webhooks/stripe", content=hook.body, headers=dict(hook.headers))

    assert site.run(story()).json()["verdict"] == "accepted"


def test_what_breaks_while_a_delivery_is_taken_is_logged_under_the_id_of_its_request(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(lane: str, item: Any) -> Received:
        raise ValueError("broken")

    monkeypatch.setattr(site.edge.gatherer, "put", broken)
    with capture_logs() as lines:
        answer = site.ask("POST", "/webhooks/stripe", content=b"{}", headers={"X-Request-Id": "their-own"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "their-own")
    said = [(line["event"], line["request_id"]) for line in lines]
    assert said == [("broken", "their-own"), ("answered", "their-own")]


def test_a_refused_delivery_leaves_no_circle_behind_that_keeps_its_body(site: Site) -> None:
    """Circles are looked for seldom; a stranger who sends bodies must not fill the memory meanwhile."""
    send(site, owed(site)[0])
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            assert site.ask("POST", "/webhooks/stripe", content=b"x" * 1000).status_code == 400
        kept = [one for one in gc.get_objects() if isinstance(one, Call) and one.body.startswith(b"xxx")]
    finally:
        gc.enable()
    assert kept == []
