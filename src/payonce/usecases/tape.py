"""Ids for a transaction that may run again: made outside, the same ones at every run."""

from __future__ import annotations

from uuid import UUID

from payonce.base.ids import Ids


class IdTape:
    """Hands out ids in order; `rewind` at the start of each run makes a rerun write the same rows again."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._made: list[UUID] = []
        self._at = 0

    def rewind(self) -> None:
        """Begin again with the first id."""
        self._at = 0

    def next(self) -> UUID:
        """The next id."""
        if self._at == len(self._made):
            self._made.append(self._ids.new())
        self._at += 1
        return self._made[self._at - 1]
