"""What was acknowledged and when, written down by the test itself: the only list that is no part of what is tested."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise


class Acknowledged:
    """Ids by kind, each with the moment (`time.time()`) at which its answer came. Any thread may write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: defaultdict[str, list[str]] = defaultdict(list)
        self._moments: list[float] = []

    def note(self, kind: str, name: str) -> None:
        """An answer came now."""
        with self._lock:
            self._ids[kind].append(name)
            self._moments.append(time.time())

    def ids(self, kind: str) -> list[str]:
        """What of `kind` was acknowledged until now, in order."""
        with self._lock:
            return list(self._ids[kind])

    def moments(self) -> list[float]:
        """When answers came, in order."""
        with self._lock:
            return list(self._moments)

    def __len__(self) -> int:
        with self._lock:
            return len(self._moments)


def write_gap(moments: Sequence[float], trouble_at: float) -> float:
    """The longest time without an answer, in seconds, that ends after the trouble began. Raises ValueError when no
    answer came after it: a gap without an end has no length.
    """
    ordered = sorted(moments)
    gaps = [later - earlier for earlier, later in pairwise(ordered) if later > trouble_at]
    if not gaps:
        raise ValueError("nothing was acknowledged after the trouble")
    return max(gaps)
