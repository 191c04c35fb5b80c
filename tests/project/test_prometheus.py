"""The shipped Prometheus rules and the Grafana dashboard ask for numbers that exist, by labels that they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import promql_parser
import pytest
import yaml  # type: ignore[import-untyped]

from payonce.domain.alert import MESSAGE_STATES
from payonce.domain.alert_text import SEVERITIES
from payonce.domain.effect import STATES as EFFECT_STATES
from payonce.jobs.timetable import TIMETABLE
from tests.project.tree import ROOT
from tests.support.house import House
from tests.support.numbers import exposed
from tests.support.site import Site

RULES: Final = ROOT / "deploy" / "prometheus" / "rules.yml"
DASHBOARD: Final = ROOT / "deploy" / "grafana" / "payonce.json"
EXPOSED: Final = exposed()
# What label values there are, where the code has a list of them.
VALUES: Final = {
    ("payonce_effects_unfinished", "state"): set(EFFECT_STATES),
    ("payonce_alerts_unfinished", "state"): {*MESSAGE_STATES, "waiting"},
    ("payonce_findings_open", "severity"): set(SEVERITIES),
    ("payonce_job_last_success_timestamp", "job"): {job.name for job in TIMETABLE},
    ("payonce_checkout_total", "outcome"): set(
        "new reused replaced blocked_paid in_progress gone silent refused failed".split()
    ),
    ("payonce_events_received_total", "outcome"): {"forged", "applied", "ignored", "failed", "duplicate"},
}


def rules() -> list[dict[str, Any]]:
    """Every rule of the file."""
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Every panel of the dashboard that asks for something."""
    return [panel for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"] if panel["type"] != "row"]


def expressions() -> list[tuple[str, str]]:
    """(where, expression) of everything that is shipped."""
    asked = [(rule["alert"], rule["expr"]) for rule in rules()]
    return asked + [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


def parts(node: Any) -> Iterator[Any]:
    """The node and everything inside it."""
    yield node
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        inner = getattr(node, name, None)
        if inner is not None:
            yield from parts(inner)
    for inner in getattr(node, "args", None) or ():
        yield from parts(inner)


def selectors(expression: str) -> list[Any]:
    """The time series that an expression asks for."""
    return [part for part in parts(promql_parser.parse(expression)) if isinstance(part, promql_parser.VectorSelector)]


def labels_after(node: Any) -> set[str] | None:
    """The labels that the result of an expression has at most; None: it has none of the labels that we give."""
    if isinstance(node, promql_parser.AggregateExpr):
        return set(node.modifier.labels) if node.modifier is not None else set()
    if isinstance(node, promql_parser.VectorSelector):
        return set(EXPOSED[str(node.name)])
    if isinstance(node, promql_parser.MatrixSelector):
        return set(EXPOSED[str(node.vector_selector.name)])
    if isinstance(node, promql_parser.BinaryExpr):
        left, right = labels_after(node.lhs), labels_after(node.rhs)
        return right if left is None else left
    inner = [*(getattr(node, "args", None) or ()), *filter(None, [getattr(node, "expr", None)])]
    found = [labels for each in inner if (labels := labels_after(each)) is not None]
    return found[0] if found else None


@pytest.mark.parametrize(("where", "expression"), expressions(), ids=[where for where, _ in expressions()])
def test_every_expression_asks_for_numbers_that_exist_by_labels_that_they_have(where: str, expression: str) -> None:
    """D13: what is measured is alerted on, and not something that nobody exposes."""
    found = selectors(expression)
    assert found, "it asks for nothing"
    for selector in found:
        assert selector.name in EXPOSED, selector.name
        for matcher in selector.matchers.matchers:
            assert matcher.name in EXPOSED[selector.name], (selector.name, matcher.name)
            known = VALUES.get((selector.name, matcher.name))
            assert known is not None, f"write down which values {matcher.name} of {selector.name} has"
            assert set(matcher.value.split("|")) <= known, (selector.name, matcher.value)
    for part in parts(promql_parser.parse(expression)):
        if isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None:
            inside = labels_after(part.expr)
            assert inside is not None and set(part.modifier.labels) <= inside, str(part.modifier)


@pytest.mark.parametrize("rule", rules(), ids=[rule["alert"] for rule in rules()])
def test_every_rule_says_how_grave_it_is_what_happens_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Payonce[A-Z][A-Za-z]+", rule["alert"])
    assert rule["labels"].keys() == {"severity"} and rule["labels"]["severity"] in SEVERITIES
    assert re.fullmatch(r"\d+[smhd]", rule["for"])
    assert rule["annotations"].keys() == {"summary", "description"}
    has = labels_after(promql_parser.parse(rule["expr"])) or set()
    told = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    assert told <= has, "a text names a label that the result does not have"
    assert all(text.endswith(".") or "`" in text for text in rule["annotations"].values())


def test_rules_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) > 15


def test_what_every_process_reads_from_the_database_is_never_summed_over_processes() -> None:
    """Two processes tell the same findings; a sum would double them."""
    read = {"findings_open", "money_at_risk_minor", "effects_unfinished", "alerts_unfinished", "job_paused",
            "event_oldest_pending_seconds", "effect_oldest_pending_seconds", "job_last_success_timestamp",
            "reconcile_diff_minor"}  # fmt: skip
    for where, expression in expressions():
        for part in parts(promql_parser.parse(expression)):
            if isinstance(part, promql_parser.AggregateExpr) and str(part.op) == "sum":
                direct = part.expr
                if isinstance(direct, promql_parser.VectorSelector):
                    assert str(direct.name).removeprefix("payonce_") not in read, where


def test_the_dashboard_is_one_that_grafana_draws() -> None:
    """Each panel has an id and a place of its own, a source that is chosen at the top, and labels that exist."""
    board = json.loads(DASHBOARD.read_text("utf-8"))
    assert (board["uid"], board["templating"]["list"][0]["type"]) == ("payonce", "datasource")
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["description"]
        for target in panel["targets"]:
            has = labels_after(promql_parser.parse(target["expr"])) or set()
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= has, panel["title"]


def test_a_running_service_exposes_every_number_that_is_asked_for(house: House) -> None:
    """What is compared above is what `/metrics` answers, name by name."""
    site = Site(house)
    text = site.ask("GET", "/metrics").text
    site.close()
    # A counter's family is named without what its series end with.
    families = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    ends = re.compile(r"_(bucket|count|sum)$")
    assert {selector.name for _, expression in expressions() for selector in selectors(expression)} <= {
        name for name in EXPOSED if name in families or ends.sub("", name) in families
    }


@pytest.mark.parametrize("expression", ["payonce_findings{a='b'}", 'payonce_findings_open{kinds="x"}'])
def test_a_number_or_label_that_nobody_exposes_would_be_found(expression: str) -> None:
    [selector] = selectors(expression)
    names = {matcher.name for matcher in selector.matchers.matchers}
    assert selector.name not in EXPOSED or not names <= EXPOSED[selector.name]


def test_the_documents_name_the_files_that_are_shipped() -> None:
    text = Path(ROOT, "docs", "alerts.md").read_text("utf-8")
    for path in (RULES, DASHBOARD, RULES.with_name("scrape.yml")):
        assert str(path.relative_to(ROOT)) in text
    assert (
        yaml.safe_load(RULES.with_name("scrape.yml").read_text("utf-8"))["scrape_configs"][0]["job_name"] == "payonce"
    )
