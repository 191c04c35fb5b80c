"""Reconciled days as files: JSON with everything, CSV with one table. Written row by row, so that any number fits."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from payonce.app import shapes_of_reconciliations as shapes
from payonce.drivers.stepping import run_to_end
from payonce.sync import Payonce
from payonce.usecases.read_reconciliation import DayView, LineView, every_line


def write_json(engine: Payonce, views: Sequence[DayView], output: Path | None) -> None:
    """One object: the days, then every open line of them."""
    with _opened(output) as file:
        file.write('{"days": ' + json.dumps([shapes.day_json(view) for view in views]) + ', "lines": [')
        first = True

        def take(line: LineView) -> None:
            nonlocal first
            file.write(("" if first else ", ") + json.dumps(shapes.line_json(line), ensure_ascii=False))
            first = False

        _each(engine, views, take)
        file.write("]}\n")


def write_csv(engine: Payonce, views: Sequence[DayView], what: str, output: Path | None) -> None:
    """One table with a heading."""
    with _opened(output) as file:
        writer = csv.writer(file, lineterminator="\n")
        if what == "days":
            writer.writerow(shapes.DAY_COLUMNS)
            writer.writerows(shapes.day_rows(views))
            return
        writer.writerow(shapes.LINE_COLUMNS)
        _each(engine, views, lambda line: writer.writerow(shapes.line_row(line)))


def _each(engine: Payonce, views: Sequence[DayView], take: Callable[[LineView], object]) -> None:
    wanted = {(view.provider, view.account, view.day) for view in views}

    async def walk() -> None:
        days = sorted({view.day for view in views})
        async for line in every_line(engine.world, engine.installation.merchant_id, days):
            if (line.provider, line.account, line.day) in wanted:
                take(line)

    run_to_end(walk())


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    with output.open("w", encoding="utf-8", newline="") as file:
        yield file
