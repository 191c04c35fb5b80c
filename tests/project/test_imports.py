"""What `import payonce` costs an application that embeds it."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.project.tree import ROOT

# The three that the library is built on, and what those need themselves.
ALLOWED = {
    "annotated_types", "payonce", "psycopg", "psycopg_binary", "psycopg_pool", "pydantic", "pydantic_core", "structlog",
    "typing_extensions", "typing_inspection",
}  # fmt: skip

LIST_WHAT_IS_LOADED = """
import sys
before = set(sys.modules)
import payonce
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(name for name in loaded if name not in sys.stdlib_module_names))
"""


def test_importing_the_library_loads_the_driver_validation_and_logs_and_nothing_else() -> None:
    # This tree's source, whatever the interpreter has installed.
    here = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", LIST_WHAT_IS_LOADED]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=here)
    loaded = set(run.stdout.split())
    assert "payonce" in loaded
    assert loaded - ALLOWED == set()
