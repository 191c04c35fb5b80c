"""When the request came that is being worked for, by `time.perf_counter`: who came first is served first.

0 where no single request waits: what serves many at once, and jobs, of which there are few at a time.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

CAME_AT: Final[ContextVar[float]] = ContextVar("came_at", default=0.0)
