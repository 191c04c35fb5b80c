"""Planted targets, each with a mistake of the kind that the fuzzer is there for: it must report every one of them.

Every run begins with them. A fuzzer that reports nothing of these would report nothing of anything.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Final

from tests.fuzz.one import Target

KIB: Final = 1024


def a_verifier_that_accepts() -> Target:
    """It compares as much of the signature as there is, so that none at all will do."""

    def work(data: bytes) -> int:
        header, _, body = data.partition(b"\n")
        expected = hmac.new(b"a secret of the plant", body, hashlib.sha256).hexdigest().encode()
        return int(expected.startswith(header))

    return work


def a_parser_that_raises() -> Target:
    """It takes for granted that strangers send what the documentation shows."""

    def work(data: bytes) -> int:
        return len(json.loads(data)["id"]) * 0

    return work


def a_cache_that_grows() -> Target:
    """It remembers everybody who was ever refused."""
    kept: list[bytes] = []

    def work(data: bytes) -> int:
        # As much as a request may hold that nobody let go of.
        kept.append(data.ljust(64 * KIB, b"\x01"))
        return 0

    return work


# What has to be reported of each, as `__main__.wrong_with` names it.
EXPECTED: Final = {"plant_accepts": "accepted", "plant_raises": "exceptions", "plant_grows": "grew"}
PLANTS: Final[dict[str, Callable[[], Target]]] = {
    "plant_accepts": a_verifier_that_accepts,
    "plant_raises": a_parser_that_raises,
    "plant_grows": a_cache_that_grows,
}
