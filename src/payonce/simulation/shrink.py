"""Making a failure small: the fewest stories and the fewest faults with which the same promise still breaks.

Because every decision is drawn by its own name, what is left behaves as it did among all the rest. What comes out is a
test that is ready to be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from payonce.simulation.run import Outcome

# (seed, stories, faults, size) -> the run of it.
Play = Callable[[int, Sequence[str] | None, Sequence[str] | None, int], Outcome]


@dataclass(frozen=True, slots=True)
class Smallest:
    """A failing run that cannot be made smaller by leaving out one story or one fault."""

    outcome: Outcome
    size: int
    stories: tuple[str, ...]
    faults: tuple[str, ...]
    runs: int

    @property
    def promise(self) -> str:
        return self.outcome.violations[0].promise

    def as_test(self) -> str:
        """A regression test, ready to be pasted below tests/simulation."""
        broken = self.outcome.violations[0]
        faults = "".join(f"        {fault!r},\n" for fault in self.faults)
        listed = f"[\n{faults}    ]" if faults else "[]"
        return (
            f"def test_that_seed_{self.outcome.seed}_keeps_{_word(self.promise)}(play: Playing) -> None:\n"
            f'    """{self.promise}: {broken.detail.splitlines()[0][:90]}"""\n'
            f"    faults = {listed}\n"
            f"    stories = {list(self.stories)!r}\n"
            f"    outcome = play({self.outcome.seed}, stories=stories, faults=faults, size={self.size},"
            f" day={self.outcome.day!r})\n"
            "    assert outcome.violations == ()\n"
        )


def shrink(play: Play, failed: Outcome, size: int) -> Smallest:
    """The smallest run that breaks the first promise of `failed` again."""
    search = _Search(play, failed, size)
    stories = search.fewest(list(failed.stories), lambda some: search.breaks(some, None))
    faults = search.fewest(list(search.last.happened), lambda some: search.breaks(stories, some))
    search.breaks(stories, faults)
    return Smallest(search.last, size, tuple(stories), tuple(faults), search.runs)


class _Search:
    def __init__(self, play: Play, failed: Outcome, size: int) -> None:
        self.last = failed
        self.runs = 0
        self._play = play
        self._seed = failed.seed
        self._promise = failed.violations[0].promise
        self._size = size

    def breaks(self, stories: Sequence[str], faults: Sequence[str] | None) -> bool:
        """Whether the same promise breaks with these alone; then `last` is that run."""
        self.runs += 1
        outcome = self._play(self._seed, stories, faults, self._size)
        if not any(broken.promise == self._promise for broken in outcome.violations):
            return False
        self.last = outcome
        return True

    def fewest(self, items: list[str], breaks: Callable[[list[str]], bool]) -> list[str]:
        """Leave out halves, then quarters, then single ones, as long as it still breaks."""
        if breaks([]):
            return []
        part = max(1, len(items) // 2)
        while True:
            for begin in range(0, len(items), part):
                fewer = items[:begin] + items[begin + part :]
                if fewer and len(fewer) < len(items) and breaks(fewer):
                    items = fewer
                    break
            else:
                if part == 1:
                    return items
                part = max(1, part // 2)
                continue
            part = min(part, max(1, len(items) // 2))


def _word(promise: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in promise.lower())
