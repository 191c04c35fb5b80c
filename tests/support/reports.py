"""Reports of long runs: figures as JSON, with how many processors they were made on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_report(path: Path | None, figures: Mapping[str, Any]) -> None:
    """Write the figures of a run to `path`; nowhere, where none is asked for."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {**figures, "processors": os.cpu_count() or 1}
    path.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
