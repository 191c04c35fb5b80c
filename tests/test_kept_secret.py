"""Secrets that an installation makes for itself: made once, kept, and for its owner's eyes only."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from payonce.base.errors import Refused
from payonce.kept_secret import kept_secret


def test_it_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path, numbers = tmp_path / "data" / "key", count()
    made = [kept_secret(path, lambda: f"secret {next(numbers)}") for _ in range(3)]
    assert made == ["secret 0"] * 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["key"]


def test_of_many_that_start_at_once_all_get_the_same(tmp_path: Path) -> None:
    numbers = count()
    with ThreadPoolExecutor(16) as starting:
        made = list(starting.map(lambda _: kept_secret(tmp_path / "key", lambda: f"secret {next(numbers)}"), range(64)))
    assert len(set(made)) == 1


def test_where_nothing_can_be_kept_it_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused) as refused:
        kept_secret(tmp_path / "file" / "key", lambda: "x")
    assert refused.value.code == "data_dir_unwritable"
    assert "PAYONCE_API_KEY" in refused.value.hint
