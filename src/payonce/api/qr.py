"""A QR code as the path of an SVG picture, which a template draws into the page: no file, no script, no style."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Final

import segno

# What a telephone needs around the code to find it, in modules.
BORDER: Final = 4
# Longer texts make a code that telephones cannot read from a screen.
LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Picture:
    """`path`: the dark modules as rows of rectangles, in a square of `size`."""

    size: int
    path: str


def picture_of(text: str) -> Picture | None:
    """The code of a text; None for one that is too long to be read from a screen."""
    if not text or len(text) > LONGEST:
        return None
    matrix = segno.make(text, error="m", micro=False).matrix
    runs = []
    for y, row in enumerate(matrix, BORDER):
        x = BORDER
        for dark, modules in groupby(row):
            width = len(list(modules))
            if dark:
                runs.append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    return Picture(len(matrix) + 2 * BORDER, "".join(runs))
