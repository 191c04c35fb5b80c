"""Reconciled days over REST: listed, shown with their differences, and only to those who may look."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import TypeAdapter

from payonce.api.v1.described_reconciliations import ReconciledDay, ReconciliationPage
from payonce.base import ids
from tests.promises.reconciling import FIRST, paid, run, write_twice
from tests.support.site import Site

DAY = 24 * 3600


def test_days_are_listed_and_shown_as_described(site: Site) -> None:
    """B7: sums by currency, what matches, and what does not."""
    order, intent = paid(site.house)
    write_twice(site.house, intent)
    site.house.clock.move(2 * DAY)
    run(site.house)
    page = site.api("GET", "/reconciliations").json()
    TypeAdapter(ReconciliationPage).validate_python(page, strict=True)
    assert [day["day"] for day in page["data"]] == ["2026-11-21", "2026-11-20"]
    [sums] = page["data"][1]["sums"]
    assert (sums["gross_minor"], sums["ours_gross_minor"], page["data"][1]["differences"]) == (9000, 4500, 1)
    shown = site.api("GET", f"/reconciliations/{FIRST}").json()
    TypeAdapter(ReconciledDay).validate_python(shown, strict=True)
    [line] = shown["lines"]
    assert (line["class"], line["object_ref"], line["theirs_minor"], line["ours_minor"]) == (
        "duplicate", intent, 9000, 4500,
    )  # fmt: skip
    assert line["order_id"] == ids.show(ids.ORDER, order.id)
    assert site.api("GET", f"/orders/{line['order_id']}").json()["state"] == "paid"


def test_what_differs_is_a_metric(site: Site) -> None:
    """B7: whoever watches metrics sees a day that does not balance."""
    _, intent = paid(site.house)
    name = 'payonce_reconcile_diff_minor{currency="USD",provider="stripe"}'
    write_twice(site.house, intent)
    assert name not in site.ask("GET", "/metrics").text
    site.house.clock.move(2 * DAY)
    run(site.house)
    assert f"{name} 4500.0" in site.ask("GET", "/metrics").text


def test_pages_follow_each_other(site: Site) -> None:
    for number in range(3):
        _, intent = paid(site.house, f"fee:{number}")
        write_twice(site.house, intent)
    site.house.clock.move(3 * DAY)
    run(site.house)
    seen, behind = [], ""
    while True:
        page = site.api("GET", f"/reconciliations?limit=1{behind}").json()
        seen += [day["day"] for day in page["data"]]
        if not page["has_more"]:
            break
        behind = f"&starting_after={page['data'][-1]['id']}"
    assert seen == [str(FIRST + timedelta(days=number)) for number in (2, 1, 0)]
    refs, behind = [], ""
    while True:
        page = site.api("GET", f"/reconciliations/{FIRST}?limit=2{behind}").json()
        refs += [line["object_ref"] for line in page["lines"]]
        if not page["has_more"]:
            break
        behind = f"&starting_after={page['lines'][-1]['id']}"
    assert len(refs) == len(set(refs)) == 3


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/reconciliations/2026-11-20", 404, "day_unknown"),
        ("/reconciliations/yesterday", 422, "request_invalid"),
        ("/reconciliations?starting_after=x", 404, "id_invalid"),
        ("/reconciliations?starting_after=x/y/z", 404, "id_invalid"),
    ],
)
def test_what_is_not_there_is_a_problem(site: Site, path: str, status: int, code: str) -> None:
    answer = site.api("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_another_merchant_sees_nothing(site: Site) -> None:
    paid(site.house)
    site.house.clock.move(DAY)
    run(site.house)
    rows = site.house.rows("SELECT DISTINCT merchant_id FROM reconcile_windows")
    assert rows == [("default",)]
    assert site.ask("GET", "/v1/reconciliations").status_code == 401
