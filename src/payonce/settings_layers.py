"""Where settings come from: the environment and the file, read into plain values, and how people write their names.

Refuses names that no setting has, with a suggestion. What a value means is not looked at here.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from payonce.base.errors import Refused

PREFIX: Final = "PAYONCE_"
JOB_PREFIX: Final = "PAYONCE_JOB_"
# Names the file itself; the other names an application's engine to the command line. Neither is a setting.
CONFIG: Final = "PAYONCE_CONFIG"
APP: Final = "PAYONCE_APP"
FILE: Final = "payonce.toml"
# What only the file can say, read elsewhere: each is a table of its own kind.
TABLES: Final = ("decisions", "accounts", "surplus", "merchants", "alerts", "limits")

# A container platform announces a service named payonce in variables of these names. They are not settings of ours.
_OF_THE_PLATFORM: Final = re.compile(r"PAYONCE_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT_\d+_.*)$")


def read_file(file: Path | None, environ: Mapping[str, str]) -> tuple[str, Path | None, dict[str, Any]]:
    """The name, the whole path and the content of the file that is named, or of the one that is here; of none,
    nothing.
    """
    if file is None and environ.get(CONFIG):
        file = Path(environ[CONFIG])
    path = file or Path(FILE)
    if not path.is_file():
        if file is not None:
            raise Refused(f"there is no file {file}", code="setting_invalid", param="config")
        return FILE, None, {}
    try:
        return path.name, path.resolve(), tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is not TOML: {error}", code="setting_invalid", param="config") from error


def from_environment(environ: Mapping[str, str], names: Collection[str], secrets: Collection[str]) -> dict[str, Any]:
    """Settings by name. An empty variable counts as unset, but for a secret: then something was meant to be there."""
    found: dict[str, Any] = {}
    if environ.get("DATABASE_URL"):
        found["database_url"] = environ["DATABASE_URL"]
    elif environ.get("PGHOST") or environ.get("PGSERVICE") or environ.get("PGHOSTADDR"):
        # libpq reads the rest of the PG variables by itself.
        found["database_url"] = "postgresql://"
    jobs: dict[str, str] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable in (CONFIG, APP) or _is_of_the_platform(variable, value):
            continue
        if variable.startswith(JOB_PREFIX):
            jobs[variable.removeprefix(JOB_PREFIX).lower()] = value.strip().lower()
            continue
        key = variable.removeprefix(PREFIX).lower()
        know(key, "environment", names)
        if value.strip() or key in secrets:
            found[key] = value.strip()
    return found | ({"jobs": jobs} if jobs else {})


def know(key: str, layer: str, names: Collection[str]) -> None:
    """Raise Refused `setting_unknown` for a name that no setting has, with the nearest one."""
    if key in names:
        return
    close = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    raise Refused(
        f"there is no setting {written_as(key, layer)}",
        code="setting_unknown",
        param=key,
        hint=f"Did you mean {written_as(close[0], layer)}?" if close else "`payonce config show` lists all settings.",
    )


def written_as(key: str, layer: str) -> str:
    """How a person writes the setting where it came from: `PAYONCE_PORT`, `--port`, or `port` in the file."""
    if layer == "environment":
        return "DATABASE_URL" if key == "database_url" else PREFIX + key.upper()
    return f"--{key.replace('_', '-')}" if layer == "flag" else f"{key!r} in {layer}"


def _is_of_the_platform(variable: str, value: str) -> bool:
    return bool(_OF_THE_PLATFORM.match(variable)) or (variable == "PAYONCE_PORT" and value.startswith("tcp://"))
