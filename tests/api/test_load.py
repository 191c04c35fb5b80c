"""What the process takes upon itself at once, and what a stranger's request may cost before its key is known."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from payonce.api.load import Load, TooMuch
from payonce.api.readings import Readings
from payonce.base.errors import Unavailable
from payonce.providers.nowpayments.signature import LARGEST_NOTICE_BYTES
from payonce.providers.zalopay.callbacks import LARGEST_CALLBACK_BYTES
from tests.providers.nowpayments import samples as nowpayments
from tests.providers.zalopay import samples as zalopay
from tests.support.site import Site


def test_beyond_its_bounds_a_request_is_told_to_come_back_and_health_is_answered() -> None:
    load = Load(most_requests=2, most_body_bytes=10)
    with ExitStack() as under_way:
        for _ in range(2):
            under_way.enter_context(load.one("/v1/orders"))
        with pytest.raises(Unavailable) as refused, load.one("/pay/x"):
            pass
        assert (refused.value.code, refused.value.status) == ("overloaded", 503)
        assert refused.value.retry_after_seconds == 2
        for path in ("/webhooks/stripe", "/livez", "/readyz", "/metrics"):
            under_way.enter_context(load.one(path))
    assert (load.requests, load.body_bytes) == (0, 0)


def test_what_is_told_to_come_back_is_counted(site: Site) -> None:
    """An operator sees that there is too little of us before anybody complains, by the first one: what is to increase
    is there before it does.
    """
    edge = site.edge
    assert shed(site) == dict.fromkeys(get_args(TooMuch), 0)
    full = Load(most_requests=0, most_body_bytes=0, on_full=edge.metrics.shed)
    with pytest.raises(Unavailable), full.one("/pay/x"):
        pass
    with pytest.raises(Unavailable), full.one("/webhooks/stripe") as held:
        held.add(1)
    waiting = Readings(site.house.world, edge.metrics.shed)
    waiting._gatherer._most_waiting = 0
    with pytest.raises(Unavailable, match="too many reads wait"):
        asyncio.run(waiting.by_token("0" * 26))
    assert shed(site) == {"requests": 1, "bodies": 1, "reads": 1, "deliveries": 0, "keys": 0, "checkouts": 0}


def shed(site: Site) -> dict[str, float]:
    """How many of what were told to come back, as Prometheus reads it."""
    families = text_string_to_metric_families(site.ask("GET", "/metrics").text)
    [family] = [family for family in families if family.name == "payonce_shed"]
    return {each.labels["what"]: each.value for each in family.samples if each.name == "payonce_shed_total"}


def test_bytes_of_bodies_are_held_as_long_as_their_request_and_no_longer() -> None:
    load = Load(most_requests=9, most_body_bytes=10)
    with load.one("/webhooks/stripe") as first:
        first.add(6)
        with load.one("/webhooks/stripe") as second:
            second.add(4)
            with pytest.raises(Unavailable):
                second.add(1)
        assert load.body_bytes == 6
    assert load.body_bytes == 0


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff", b'{"a":1,"a":2}', b'{"card":"4242424242424242"}'])
def test_nothing_of_a_body_is_looked_at_before_its_key(site: Site, body: bytes) -> None:
    """B16: who has no key learns nothing of what is read, and costs nothing."""
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = site.ask("POST", "/v1/orders", content=body, headers={"Content-Type": "application/json", **headers})
        assert answer.status_code == 401
        assert answer.json()["code"] in ("key_missing", "key_unknown")


def test_what_is_larger_than_any_notice_is_not_read_though_it_is_signed() -> None:
    """B16: a mebibyte of numbers, which anybody can send, took a second of everybody's time."""
    large = b'{"a":"' + b"x" * LARGEST_NOTICE_BYTES + b'"}'
    assert "larger" in str(nowpayments.adapter().verify(nowpayments.signed(large), large, nowpayments.NOW))
    callback = zalopay.callback("{" + "x" * LARGEST_CALLBACK_BYTES)
    assert "larger" in str(zalopay.adapter().verify({}, callback, zalopay.NOW))
