"""Pages that are written from the code say what the code says."""

from __future__ import annotations

import re

from payonce.domain.finding import KINDS
from payonce.jobs.timetable import TIMETABLE
from tests.project import findings_page, settings_page, states, transitions
from tests.project.tree import ROOT


def test_the_page_of_states_is_what_the_machines_say() -> None:
    assert states.PAGE.read_text() == states.text(), "run `python -m tests.project.states`"


def test_the_page_of_settings_is_what_the_settings_say() -> None:
    assert settings_page.PAGE.read_text() == settings_page.text(), "run `python -m tests.project.settings_page`"


def test_the_page_of_transitions_is_what_the_rules_are_tested_by() -> None:
    assert transitions.PAGE.read_text() == transitions.text(), "run `python -m tests.project.transitions`"


def test_the_page_of_findings_is_what_the_kinds_say() -> None:
    assert findings_page.PAGE.read_text() == findings_page.text(), "run `python -m tests.project.findings_page`"


def test_every_kind_of_finding_says_what_it_means_and_what_to_do() -> None:
    """C17: whoever is woken by it is told what happened, how sure that is, and what comes next."""
    wanted = """second_charge late_payment amount_differs duplicate_reference stuck_order stuck_effect repeated_effect
        unknown_effect provider_silent webhook_lag checkout_refusals event_quarantined unhandled_events job_breaker
        job_stale ledger_unbalanced invariant_broken payout_held orphaned_payment reconcile_hole"""
    assert set(wanted.split()) <= KINDS.keys()
    for kind in KINDS.values():
        assert len(kind.means.split()) > 4 and len(kind.next_step.split()) > 4 and kind.how_sure, kind.name
        assert kind.owner in ("finance", "support", "developers"), kind.name


def test_the_page_of_jobs_and_the_shipped_rules_know_every_job() -> None:
    """A15, C20: a job that nobody is told of is one that nobody misses."""
    page = (ROOT / "docs" / "jobs.md").read_text()
    rules = (ROOT / "deploy" / "prometheus" / "rules.yml").read_text()
    watched = {
        name
        for names in re.findall(r'job_last_success_timestamp\{job=~"([a-z|]+)"\}', rules)
        for name in names.split("|")
    }
    assert [job.name for job in TIMETABLE if f"| `{job.name}` | " not in page] == []
    assert watched == {job.name for job in TIMETABLE}
