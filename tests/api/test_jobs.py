"""Jobs and switches over REST: what the console and an operator's programs do with them."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.jobs.timetable import TIMETABLE
from payonce.usecases.register_jobs import register_jobs
from tests.support.frames import Rows, drive, job, lane, step
from tests.support.site import Site


@pytest.fixture(autouse=True)
def _known(site: Site) -> None:
    site.house.run(register_jobs(site.house.world, [each.facts for each in TIMETABLE]))


def test_every_job_is_listed_and_each_can_be_read(site: Site) -> None:
    found = site.api("GET", "/jobs").json()["data"]
    assert [each["name"] for each in found] == sorted(each.name for each in TIMETABLE)
    close = site.api("GET", "/jobs/close").json()
    assert (close["kind"], close["state"], close["every_seconds"], close["changes"]) == (
        "scheduled",
        "waiting",
        3600,
        [],
    )
    assert site.api("GET", "/jobs/nothing").json()["code"] == "job_unknown"


def test_a_switch_stops_a_run_within_its_batch_and_lets_it_go_on(site: Site) -> None:
    """A10: the button of the console is this request."""
    rows = Rows(100)
    each = lane(site.house, job(rows.use, name="close"))
    step(each)
    pulled = site.api("PUT", "/switches/close", {"off": True, "reason": "oversell, INC-4"})
    assert (pulled.status_code, pulled.json()["off"], pulled.json()["by"]) == (200, True, "api:first")
    drive(site.house, [each], 30)
    [run] = site.api("GET", "/jobs/close/runs").json()["data"]
    assert (run["state"], run["taken"]) == ("stopped", 20)
    assert run["stopped_why"] == "api:first paused close: oversell, INC-4"
    shown = site.api("GET", "/jobs/close").json()
    assert (shown["state"], shown["paused_by"]["reason"]) == ("paused", "oversell, INC-4")
    site.api("PUT", "/switches/close", {"off": False, "reason": "restocked"})
    drive(site.house, [each], 30)
    assert site.api("GET", f"/runs/{run['id']}").json()["taken"] == 100
    assert rows.taken == list(range(100))
    changes = site.api("GET", "/jobs/close").json()["changes"]
    assert [(each["act"], each["by"], each["reason"]) for each in changes] == [
        ("resume", "api:first", "restocked"), ("pause", "api:first", "oversell, INC-4"),
    ]  # fmt: skip


def test_a_job_gets_another_interval_and_is_retired_without_a_deploy(site: Site) -> None:
    """A15: by one request each, or both at once."""
    changed = site.api("PUT", "/jobs/close", {"every_seconds": 300, "retired": True, "reason": "a bad day"}).json()
    assert (changed["every_seconds"], changed["timetable_seconds"], changed["state"]) == (300, 3600, "retired")
    back = site.api("PUT", "/jobs/close", {"every_seconds": None, "reason": "it is over"}).json()
    assert (back["every_seconds"], back["state"]) == (3600, "retired")
    assert site.api("PUT", "/jobs/close", {"retired": False, "reason": "it is over"}).json()["state"] == "waiting"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/switches/close", {"off": True}, 422, "request_invalid"),
        ("/switches/close", {"off": True, "reason": " "}, 422, "request_invalid"),
        ("/switches/close", {"off": "yes", "reason": "x"}, 422, "request_invalid"),
        ("/switches/nothing", {"off": True, "reason": "x"}, 404, "switch_unknown"),
        ("/switches/close", {"off": True, "reason": "x", "allow": ["receipt"]}, 422, "allow_invalid"),
        ("/jobs/close", {"every_seconds": 300}, 422, "request_invalid"),
        ("/jobs/close", {"every_seconds": 0, "reason": "x"}, 422, "request_invalid"),
        ("/jobs/nothing", {"retired": True, "reason": "x"}, 404, "job_unknown"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    site: Site, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    """A10: no switch without a reason."""
    before = site.house.rows("SELECT j::text FROM jobs AS j")
    refused = site.api("PUT", path, body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert site.house.rows("SELECT j::text FROM jobs AS j") == before
    assert site.house.rows("SELECT count(*) FROM switches") == site.house.rows("SELECT count(*) FROM switch_changes")
    assert site.api("GET", "/switches").json()["data"] == []


def test_a_switch_that_is_asked_for_twice_is_pulled_once(site: Site) -> None:
    body = {"off": True, "reason": "wrong text", "allow": ["receipt"]}
    sent = [site.api("PUT", "/switches/messages", body, **{"Idempotency-Key": "k-1"}) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [200, 200]
    assert sent[0].json() == sent[1].json() and sent[1].json()["allow"] == ["receipt"]
    assert site.house.rows("SELECT count(*) FROM switch_changes") == [(1,)]


def test_what_runs_is_in_the_metrics(site: Site) -> None:
    """A15: paused jobs, the last success of each, and how long it found nothing."""
    drive(site.house, [lane(site.house, job(Rows(0).use, name="close"))], 30)
    site.api("PUT", "/switches/refund", {"off": True, "reason": "INC-4"})
    text = site.ask("GET", "/metrics").text
    assert 'payonce_job_paused{job="refund"} 1.0' in text and 'payonce_job_paused{job="close"} 0.0' in text
    [at] = [line for line in text.splitlines() if line.startswith('payonce_job_last_success_timestamp{job="close"}')]
    assert 0 <= site.clock.now().timestamp() - float(at.split()[-1]) <= 60
    assert 'payonce_job_idle_runs{job="close"} 1.0' in text
