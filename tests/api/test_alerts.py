"""Alerts over REST: what was told, routes with their test button, silences; and who may do what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from payonce.api.v1 import described_alerts as described
from payonce.domain.alert import Route
from payonce.domain.delivering import OutcomeUnknown
from payonce.settings_alerts import AlertRoute
from payonce.usecases.api_keys import create_key
from tests.support.alarms import Alarms
from tests.support.house import House
from tests.support.site import Site

SECRET = "TIiajkdnlazkcOXrIdevi7FQ"
HUSH = {"kind": "provider_silent", "lasts_seconds": 7200, "reason": "announced works"}


def with_routes(site: Site, *routes: Route) -> Alarms:
    """The site's application with these routes, each with a phone."""
    alarms = Alarms(site.house, *routes)
    site.edge.alerting = alarms.alerting
    configured = tuple(AlertRoute(each, "apprise", f"slack://T1/B2/{SECRET}") for each in alarms.routes.values())
    site.edge.settings = replace(site.edge.settings, alert_routes=configured)
    return alarms


def as_described(model: Any, answer: Any) -> None:
    """The answer has the described shape, and nothing else in it."""
    TypeAdapter(model).validate_python(answer, strict=True)
    assert answer.keys() == model.model_fields.keys()


def test_what_was_told_is_listed_by_route_and_state_and_paged(site: Site) -> None:
    alarms = with_routes(site)
    alarms["ops"].answers = [OutcomeUnknown("no answer within 30 s")]
    for about in "ab":
        alarms.find(about=about)
        alarms.step()
    page = site.api("GET", "/alerts?limit=1").json()
    as_described(described.AlertPage, page)
    [newest] = page["data"]
    as_described(described.AlertMessage, newest)
    assert (newest["state"], page["has_more"]) == ("sent", True)
    [older] = site.api("GET", f"/alerts?starting_after={newest['id']}").json()["data"]
    assert (older["state"], older["answer"]) == ("unknown", "no answer within 30 s")
    assert site.api("GET", "/alerts?state=dead").json()["data"] == []
    assert site.api("GET", "/alerts?state=lost").json()["code"] == "alert_state_unknown"


def test_routes_are_shown_with_how_they_are_doing_and_without_what_opens_them(site: Site) -> None:
    alarms = with_routes(
        site, Route("ops", severities=("critical",), group=timedelta()), Route("other", merchants=("somebody",))
    )
    alarms.find()
    alarms.step()
    answer = site.api("GET", "/alerts/routes")
    assert SECRET not in answer.text
    as_described(described.AlertRouteList, answer.json())
    [route] = answer.json()["data"]
    as_described(described.AlertRouteShown, route)
    assert (route["name"], route["leads_to"], route["messages"]) == ("ops", "slack://…", {"sent": 1})


def test_the_test_button_tells_once_for_one_key(site: Site) -> None:
    alarms = with_routes(site)
    tested = site.api("POST", "/alerts/test", {"route": "ops"}, key="k")
    assert tested.json() == {"object": "alert_test", "data": [{"route": "ops", "outcome": "accepted", "says": "200"}]}
    as_described(described.AlertTest, tested.json())
    assert site.api("POST", "/alerts/test", {"route": "ops"}, key="k").headers["idempotent-replayed"] == "true"
    assert [message.title for message in alarms["ops"].got] == ["[test] payonce can reach you here"]
    assert "api:first asked for this test" in alarms["ops"].got[0].body
    unknown = site.api("POST", "/alerts/test", {"route": "pager"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "route_unknown")


def test_without_routes_the_button_says_what_to_write(site: Site) -> None:
    assert site.api("POST", "/alerts/test").json()["code"] == "routes_missing"


def test_a_silence_is_begun_listed_and_ended_with_reasons(site: Site) -> None:
    order = site.place()
    begun = site.api("POST", "/silences", HUSH | {"order_id": order["id"]})
    assert (begun.status_code, begun.json()["author"], begun.json()["order_id"]) == (201, "api:first", order["id"])
    as_described(described.Silence, begun.json())
    page = site.api("GET", "/silences?in_force=true").json()
    as_described(described.SilencePage, page)
    assert [each["id"] for each in page["data"]] == [begun.json()["id"]]
    ended = site.api("POST", f"/silences/{begun.json()['id']}/end", {"reason": "they are done"})
    assert (ended.status_code, ended.json()["holds"], ended.json()["ended_why"]) == (200, False, "they are done")
    assert site.api("GET", "/silences?in_force=true").json()["data"] == []
    again = site.api("POST", f"/silences/{begun.json()['id']}/end", {"reason": "again"})
    assert (again.status_code, again.json()["code"]) == (409, "silence_ended")


@pytest.mark.parametrize(
    "wrong",
    [{"reason": ""}, {"lasts_seconds": 0}, {"lasts_seconds": 31 * 86400}, {"severity": "bad"}, {"kind": "no_such_kind"},
     {"order_id": "ord_1"}, {"more": 1}],
)  # fmt: skip
def test_a_silence_that_is_wrong_is_refused_and_nothing_begins(site: Site, wrong: dict[str, Any]) -> None:
    refused = site.api("POST", "/silences", HUSH | wrong)
    assert refused.status_code in (404, 422), refused.text
    assert site.house.rows("SELECT 1 FROM silences") == []


def test_who_may_only_look_silences_and_tests_nothing(site: Site, house: House) -> None:
    """The scopes are those of findings and effects: inspect looks, operate acts."""
    alarms = with_routes(site)
    keys = {scope: house.run(create_key(house.world, "default", scope, (scope,)))
            for scope in ("inspect", "operate", "orders:read")}  # fmt: skip
    for path in ("/alerts", "/alerts/routes", "/silences"):
        statuses = {scope: site.api("GET", path, api_key=key).status_code for scope, key in keys.items()}
        assert statuses == {"inspect": 200, "operate": 403, "orders:read": 403}, path
    for path, body in (("/alerts/test", {}), ("/silences", HUSH), ("/silences/sil_x/end", {"reason": "x"})):
        for scope in ("inspect", "orders:read"):
            assert site.api("POST", path, body, api_key=keys[scope]).status_code == 403, (path, scope)
    assert alarms["ops"].got == [] and house.rows("SELECT 1 FROM silences") == []
    assert site.api("POST", "/silences", HUSH, api_key=keys["operate"]).status_code == 201


def test_another_merchants_silences_and_messages_are_out_of_sight(site: Site, house: House) -> None:
    begun = site.api("POST", "/silences", HUSH).json()
    other = house.run(create_key(house.world, "somebody", "other", ("inspect", "operate")))
    assert site.api("GET", "/silences", api_key=other).json()["data"] == []
    ended = site.api("POST", f"/silences/{begun['id']}/end", {"reason": "mine"}, api_key=other)
    assert (ended.status_code, ended.json()["code"]) == (404, "silence_unknown")
    assert site.api("GET", "/silences?in_force=true").json()["data"] != []
