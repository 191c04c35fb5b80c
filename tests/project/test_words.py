"""What no file of the project may say. The forbidden words are spelled in parts, so that this file may hold them."""

from __future__ import annotations

import pytest

from tests.project.tree import ROOT, texts

# Nobody can promise these; the product says what is guaranteed, by which constraint, and what is not.
OVERCLAIMS = [
    "zero" + " chance",
    "100 %" + " secure",
    "100%" + " secure",
    "enterprise" + " grade",
    "enterprise" + "-grade",
]
# A lock that names a registry works only where that one is reachable.
REGISTRIES = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "yarn" + "pkg.com"]
# Folders of somebody's machine.
PLACES = ["/" + "work/", "/" + "root/", "../" + "shared", "/" + "Users/"]


@pytest.mark.parametrize("claim", OVERCLAIMS)
def test_no_text_for_users_claims_what_nobody_can_promise(claim: str) -> None:
    told = [*texts("README.md"), *texts("CHANGELOG.md"), *texts("docs"), *texts("examples"), *texts("src")]
    assert [str(path) for path, text in told if claim in " ".join(text.lower().split())] == []


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_the_host_of_a_package_registry(host: str) -> None:
    assert [str(path) for path, text in texts() if host in text.lower()] == []


@pytest.mark.parametrize("place", PLACES)
def test_no_file_names_a_place_on_somebodys_machine(place: str) -> None:
    assert [str(path) for path, text in texts() if place in text] == []


def test_the_changelog_tells_what_is_not_released_yet() -> None:
    assert "\n## Unreleased\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")
