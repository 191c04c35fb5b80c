"""The provider's objects by the story that they belong to, so that a look at one story does not cost a look at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")


class ByStory(Generic[Row]):
    """An index that follows books which only grow. What an object belongs to is settled when it is made."""

    def __init__(self) -> None:
        self._seen = 0
        self._rows: dict[str, list[Row]] = {}

    def look(self, books: Mapping[Any, Row], story_of: Callable[[Row], str | None]) -> None:
        """Enter what was made since the last look."""
        for row in islice(books.values(), self._seen, None):
            story = story_of(row)
            if story is not None:
                self._rows.setdefault(story, []).append(row)
        self._seen = len(books)

    def of(self, story: str) -> Sequence[Row]:
        """The objects of a story, in the order in which they were made."""
        return self._rows.get(story, ())
