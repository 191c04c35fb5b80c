"""What every command shares: its settings, an engine that is opened to look, and how it ends.

A command that looks neither migrates nor makes anything: it refuses where there is no data to look at.
"""

from __future__ import annotations

import getpass
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from payonce import logs
from payonce.base.errors import Refused
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.embedded import EmbeddedServer
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.engine import Payonce as AsyncPayonce
from payonce.installation import Installation, beside_the_service, of_settings
from payonce.settings import Settings, load
from payonce.sync import Payonce

AsJson = Annotated[bool, typer.Option("--json", help="Answer with JSON.")]
Limit = Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)]
OrderOption = Annotated[str | None, typer.Option("--order", help="Only of this order: its id, reference, or any id.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the audit.")]

# Who did it, in the audit, where the system does not say more.
ACTOR: Final = "command line"


@dataclass(slots=True)
class Said:
    """What stands before the command: it holds for all of them."""

    config: Path | None = None
    app: str | None = None
    as_json: bool = False
    flags: dict[str, Any] = field(default_factory=dict)


said = Said()


def settings_in_force(**flags: Any) -> Settings:
    """The settings, with the flags of this command above all."""
    return load({**said.flags, **flags}, file=said.config)


def begin_logs(settings: Settings) -> None:
    """Send logs to standard error, as the settings say."""
    logs.configure(level=settings.log_level, form=settings.log_format)


def quiet_logs() -> None:
    """Only what goes wrong is logged: the command itself says the rest."""
    logs.configure(level="warning", form="auto")


@contextmanager
def looking() -> Iterator[Payonce]:
    """An engine over the installation's data, opened to look and to act by hand; no migrations and no provider."""
    quiet_logs()
    settings = settings_in_force()
    engine = looker_of(settings)
    look_for_data(engine.installation)
    engine.start(prepare=False)
    try:
        yield engine
    finally:
        engine.close()


def looker_of(settings: Settings) -> Payonce:
    """The engine without a loop; with `--app`, of the application's installation and with its effects."""
    named = app_engine()
    if named is None:
        return Payonce(installation=beside_the_service(of_settings(settings), settings))
    engine = Payonce(installation=named.installation)
    engine.adopt_kinds(named.kinds)
    return engine


def app_engine() -> AsyncPayonce | None:
    """The engine that `--app module:name` names, or None. Raises Refused `app_unknown`."""
    if said.app is None:
        return None
    module, _, name = said.app.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module), name or "engine")
    except (ImportError, AttributeError) as error:
        raise Refused(f"--app {said.app}: {error}", code="setting_invalid", param="app") from error
    if not isinstance(found, AsyncPayonce):
        raise Refused(f"--app {said.app} is no payonce.Payonce", code="setting_invalid", param="app")
    return found


def look_for_data(installation: Installation) -> None:
    """Raise Refused `no_data` where the embedded database was never made: looking must not make one."""
    if installation.database_url is None and not (installation.data_dir / "postgres").exists():
        raise Refused(
            f"there is no data in {installation.data_dir}",
            code="no_data",
            hint="Run `payonce serve` first, or say where it is: PAYONCE_DATA_DIR or DATABASE_URL.",
        )


@contextmanager
def open_database(installation: Installation) -> Iterator[SyncDatabase]:
    """The database alone, for migrations; an embedded one is made where there is none."""
    server = None
    url = installation.database_url
    try:
        if url is None:
            server = EmbeddedServer(installation.data_dir)
            server.start()
            url = server.dsn()
        with SyncDatabase(url, clock=BlockingClock(), chance=SystemChance(), connections=2) as database:
            yield database
    finally:
        if server is not None:
            server.stop()


def who() -> str:
    """Who acts, as the machine knows them."""
    try:
        return f"{getpass.getuser()} ({ACTOR})"
    except (OSError, KeyError):
        return ACTOR
