"""What `import payonce` costs an application that embeds it, and the command line whoever types it."""

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


LIST_OURS = """
import sys
import payonce.cli.main
print(*sorted(name for name in sys.modules if name.startswith(("payonce.simulation", "payonce.conformance", "duckdb"))))
"""


def loaded_by(program: str) -> set[str]:
    """What a program lists, run on this tree's source, whatever the interpreter has installed."""
    here = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=here)
    return set(run.stdout.split())


def test_importing_the_library_loads_the_driver_validation_and_logs_and_nothing_else() -> None:
    loaded = loaded_by(LIST_WHAT_IS_LOADED)
    assert "payonce" in loaded
    assert loaded - ALLOWED == set()


def test_a_command_does_not_wait_for_what_only_another_one_needs() -> None:
    assert loaded_by(LIST_OURS) == set()
