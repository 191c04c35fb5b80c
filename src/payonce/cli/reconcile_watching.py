"""A progress bar for reconciliation, and Ctrl-C as a wish to stop: the batch that is under way ends first."""

from __future__ import annotations

import signal
import time
from types import FrameType, TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from payonce.cli.saying import err
from payonce.usecases.reconcile import Batch

_IN_WORDS = {
    "reading": "reading", "comparing_theirs": "comparing", "comparing_ours": "comparing what went back",
    "settling": "settling", "finding": "closing", "provisional": "done for now", "closed": "done",
}  # fmt: skip


class Watching:
    """Draws days, records, their rate and the time that is left. A second Ctrl-C ends at once, as always."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("days"),
            TextColumn("{task.fields[records]}"), TimeElapsedColumn(), TimeRemainingColumn(), console=err,
            transient=True, disable=not err.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("reconciling", total=None, records="")
        self._wants_stop = False
        self._before: Any = None
        self._day: tuple[str, str, object, str] | None = None
        self._begin, self._records = time.monotonic(), 0

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._stop)
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        signal.signal(signal.SIGINT, self._before)

    def told(self, batch: Batch) -> bool:
        """Draw what a batch did; whether to go on."""
        step = (batch.provider, batch.account, batch.day, batch.state)
        if step != self._day:
            self._day, self._begin, self._records = step, time.monotonic(), batch.records
        seconds = time.monotonic() - self._begin
        rate = f", {(batch.records - self._records) / seconds:,.0f}/s" if seconds > 1 else ""
        name = f"{batch.provider}/{batch.account} {batch.day} {_IN_WORDS[batch.state]}"
        done = batch.number if batch.state in ("provisional", "closed") else batch.number - 1
        self._bar.update(
            self._task, description=name, total=batch.days, completed=done, records=f"{batch.records:,} records{rate}"
        )
        return not self._wants_stop

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._wants_stop = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
