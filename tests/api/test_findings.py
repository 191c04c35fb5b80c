"""Findings over REST: read by who may look, handled by who may act, each act once and with its author."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.domain.finding import KINDS, Finding
from payonce.store.database import Tx
from payonce.store.findings import write_findings
from payonce.usecases.api_keys import create_key
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.site import Site


def find(site: Site, kind: str = "provider_silent", about: str = "a", **more: Any) -> dict[str, Any]:
    """Find a difference; the finding as the API lists it."""
    house, values = site.house, {"order_id": None, "money_minor": 0, "currency": None} | more
    finding_id = house.world.ids.new()

    async def work(tx: Tx) -> None:
        write_findings(tx, DEFAULT_MERCHANT, [Finding(finding_id, kind, about, **values)])

    house.run(house.world.database.transaction(work, name="test"))
    found: dict[str, Any] = site.api("GET", f"/findings?kind={kind}").json()["data"][0]
    return found


def test_a_finding_says_what_it_means_what_it_was_seen_by_and_what_to_do(site: Site) -> None:
    """C17: whoever is woken by it knows what happened, to which order, for how much, and what comes next."""
    order = site.place()
    order_id = site.house.rows("SELECT order_id FROM orders")[0][0]
    told = find(site, "second_charge", "x", order_id=order_id, money_minor=4500, currency="USD")
    assert site.api("GET", f"/findings/{told['id']}").json() == told
    assert (told["state"], told["change"], told["changed_as"]) == ("open", 1, "opened")
    assert told["means"] == KINDS["second_charge"].means and told["next_step"] == KINDS["second_charge"].next_step
    assert {"type": "order", "id": order["id"], "link": f"/v1/orders/{order['id']}"} in told["evidence"]
    assert site.api("GET", told["evidence"][0]["link"].removeprefix("/v1")).status_code == 200


def test_each_act_is_done_once_for_one_key_and_says_who(site: Site) -> None:
    told = find(site)
    path = f"/findings/{told['id']}"
    first = site.api("POST", f"{path}/acknowledge", {"reason": "I look"}, key="one")
    again = site.api("POST", f"{path}/acknowledge", {"reason": "I look"}, key="one")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["Idempotent-Replayed"] == "true" and again.content == first.content
    assert first.json()["acknowledged_by"].startswith("api:")
    assert site.api("POST", f"{path}/acknowledge", key="two").json()["state"] == "acknowledged"
    given = site.api("POST", f"{path}/assign", {"owner": "linh"}).json()
    assert given["owner"] == "linh"
    until = "2027-01-01T00:00:00.000Z"
    rests = site.api("POST", f"{path}/ignore", {"reason": "known", "until": until, "more": 5}).json()
    assert rests["state"] == "ignored"
    assert rests["ignored"] == {
        "by": given["acknowledged_by"], "why": "known", "until": until, "until_counted": 6, "until_orders": None,
    }  # fmt: skip
    done = site.api("POST", f"{path}/resolve", {"reason": "mended"}).json()
    assert (done["state"], done["resolved_why"]) == ("resolved", "mended")
    late = site.api("POST", f"{path}/resolve", {"reason": "again"})
    assert (late.status_code, late.json()["code"]) == (409, "finding_resolved")
    rows = site.house.rows("SELECT event FROM audit WHERE subject LIKE 'finding%%' ORDER BY audit_id")
    assert [event for (event,) in rows] == ["acknowledged", "acknowledged", "assigned", "ignored", "resolved"]


@pytest.mark.parametrize(
    ("act", "body", "status", "code"),
    [
        ("ignore", {"reason": "known"}, 422, "rest_without_end"),
        ("ignore", {"more": 3}, 422, "request_invalid"),
        ("ignore", {"reason": "known", "until": "2020-01-01T00:00:00Z"}, 422, "rest_invalid"),
        ("ignore", {"reason": "known", "until": "2027-01-01T00:00:00"}, 422, "request_invalid"),
        ("ignore", {"reason": "known", "for": "24h"}, 422, "request_invalid"),
        ("resolve", {}, 422, "request_invalid"),
        ("resolve", {"reason": " "}, 422, "request_invalid"),
        ("assign", {"owner": ""}, 422, "request_invalid"),
    ],
)
def test_an_act_that_says_too_little_is_refused_and_changes_nothing(
    site: Site, act: str, body: dict[str, Any], status: int, code: str
) -> None:
    told = find(site)
    answer = site.api("POST", f"/findings/{told['id']}/{act}", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert site.api("GET", f"/findings/{told['id']}").json() == told
    assert site.house.rows("SELECT 1 FROM audit WHERE subject LIKE 'finding%%'") == []


def test_who_may_look_may_not_act_and_another_merchant_sees_nothing(site: Site) -> None:
    """Reading needs the scope inspect, acting the scope operate."""
    told = find(site)
    path = f"/findings/{told['id']}"
    looker = site.house.run(create_key(site.house.world, DEFAULT_MERCHANT, "looker", ("inspect",)))
    stranger = site.house.run(create_key(site.house.world, "another", "stranger", ("inspect", "operate")))
    shopper = site.house.run(create_key(site.house.world, DEFAULT_MERCHANT, "shop", ("orders:read",)))
    assert site.api("GET", path, api_key=looker).status_code == 200
    for act, body in (("acknowledge", {}), ("resolve", {"reason": "x"}), ("assign", {"owner": "x"})):
        assert site.api("POST", f"{path}/{act}", body, api_key=looker).status_code == 403
        assert site.api("POST", f"{path}/{act}", body, api_key=stranger).status_code == 404
    assert site.api("GET", path, api_key=stranger).status_code == 404
    assert site.api("GET", "/findings", api_key=stranger).json()["data"] == []
    assert site.api("GET", "/findings", api_key=shopper).status_code == 403
    assert site.api("GET", path).json() == told


def test_lists_are_filtered_and_paged(site: Site) -> None:
    ids = [find(site, "unhandled_events", f"stripe:{number}", provider="stripe")["id"] for number in range(3)]
    find(site)
    page = site.api("GET", "/findings?provider=stripe&limit=2").json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    rest = site.api("GET", f"/findings?provider=stripe&limit=2&starting_after={ids[1]}").json()
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == ([ids[0]], False)
    assert len(site.api("GET", "/findings?state=unresolved&severity=critical").json()["data"]) == 1
    assert site.api("GET", "/findings?state=opened").status_code == 422
    assert site.api("GET", "/findings?kind=nothing").json()["code"] == "finding_kind_unknown"


def test_the_kinds_are_listed_with_their_playbook(site: Site) -> None:
    told = {each["kind"]: each for each in site.api("GET", "/finding-kinds").json()["data"]}
    assert set(told) == set(KINDS)
    assert told["provider_silent"]["how_sure"].startswith("measured")
