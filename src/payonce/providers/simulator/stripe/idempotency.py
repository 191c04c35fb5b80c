"""Idempotency keys as Stripe keeps them: the first answer is given again byte for byte, its 500 included.

A key is forgotten after its life, and the same request then makes a new object. The same key with other parameters is
refused; so is a second call while the first one still runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from payonce.providers.simulator.stripe.errors import StripeError
from payonce.providers.simulator.stripe.form import Tree

LONGEST_KEY: Final = 255


@dataclass(frozen=True, slots=True)
class Kept:
    """The first answer under a key. Until `busy_until` (unix seconds) the first call still runs."""

    endpoint: str
    fingerprint: str
    status: int
    body: bytes
    request_id: str
    made_at: float
    busy_until: float


@dataclass(slots=True)
class Keys:
    """All keys of the account, oldest first."""

    kept: dict[str, Kept] = field(default_factory=dict)

    def find(self, key: str, endpoint: str, parameters: str, now: float, life: float) -> Kept | None:
        """The answer to give again, or None for a new key. Raises StripeError 400 or 409."""
        self._forget(now - life)
        if len(key) > LONGEST_KEY:
            raise StripeError(f"Idempotency keys can be at most {LONGEST_KEY} characters.", kind="idempotency_error")
        found = self.kept.get(key)
        if found is None:
            return None
        if now < found.busy_until:
            raise StripeError(
                f"There is currently another in-progress request using this Idempotent Key (that probably means you "
                f"submitted twice, and the other request is still going through): {key}. Please try again later.",
                status=409,
                code="idempotency_key_in_use",
                should_retry=True,
            )
        if found.endpoint != endpoint:
            raise StripeError(
                f"Keys for idempotent requests can only be used for the same endpoint they were first used for "
                f"('{found.endpoint}' vs '{endpoint}'). Try using a key other than '{key}' if you meant to execute a "
                "different request.",
                kind="idempotency_error",
            )
        if found.fingerprint != parameters:
            raise StripeError(
                f"Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        return found

    def keep(self, key: str, answer: Kept) -> None:
        """Remember the first answer."""
        self.kept.setdefault(key, answer)

    def _forget(self, oldest: float) -> None:
        while self.kept:
            key = next(iter(self.kept))
            if self.kept[key].made_at > oldest:
                return
            del self.kept[key]


def fingerprint(tree: Tree) -> str:
    """The parameters, whatever the order in which they were sent."""
    return json.dumps(tree, sort_keys=True)
