"""What the fuzzer runs, on the corpus and a few thousand bytes of chance in every run of the tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.attacks.conftest import BAD_INPUTS
from tests.attacks.corpora.bodies import BODIES
from tests.fuzz.__main__ import WORDS
from tests.fuzz.one import LONGEST_INPUT_BYTES
from tests.fuzz.targets import TARGETS

# So many inputs of chance for each target; `make fuzz` takes as many as it is told to.
TRIES = 100


@pytest.mark.parametrize("name", TARGETS)
def test_no_bytes_are_accepted_and_none_break_what_reads_them(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    """B16, B17: refused, or kept for what they are; nothing else is raised."""
    work = TARGETS[name]()
    inputs = [body.data for body in BODIES if len(body.data) <= LONGEST_INPUT_BYTES] + [w.encode() for w in WORDS]
    assert sum(work(data) for data in inputs) == 0

    @settings(max_examples=TRIES, deadline=None, database=None)
    @given(some.one_of(some.binary(max_size=300), some.text(max_size=100).map(str.encode)))
    def by_chance(data: bytes) -> None:
        assert work(data) == 0

    by_chance()
    record_property(BAD_INPUTS, len(inputs) + TRIES)
