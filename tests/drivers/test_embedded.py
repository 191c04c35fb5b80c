"""The embedded server: its data survives whatever ends a process, and exactly one process owns it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psycopg
import pytest

from payonce.base.errors import Refused, Unavailable
from payonce.drivers.embedded import DATABASE, EmbeddedServer, binaries
from tests.support.waiting import until

# A process that starts the server, says who owns it, and stops it when its input ends.
SERVICE = """
import sys
from pathlib import Path
from payonce.drivers.embedded import EmbeddedServer

server = EmbeddedServer(Path(sys.argv[1]))
server.start()
print("owner" if server.is_owner else "guest", flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder whose server is gone after the test, whoever started it."""
    path = Path(tempfile.mkdtemp(prefix="payonce-"))
    yield path
    server = EmbeddedServer(path)
    if (server.data / "postmaster.pid").exists():
        server.start()
        server.stop()
    shutil.rmtree(path)


@pytest.fixture
def services() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that the test started; none outlives it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def start_service(services: list[subprocess.Popen[str]], folder: Path) -> tuple[subprocess.Popen[str], str]:
    process = _service(folder)
    services.append(process)
    return process, _line(process.stdout)


def _service(folder: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", SERVICE, str(folder)]
    environment = {**os.environ, "PYTHONPATH": "src"}
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


def execute(server: EmbeddedServer, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def postmaster(server: EmbeddedServer) -> int:
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def test_data_survives_a_restart(folder: Path) -> None:
    server = EmbeddedServer(folder)
    server.start()
    execute(server, "CREATE TABLE t (x int)")
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        execute(server, "SELECT x FROM t")
    server.start()
    assert execute(server, "SELECT x FROM t") == []
    server.stop()


def test_what_was_acknowledged_is_worth_what_it_is_on_any_server(folder: Path) -> None:
    server = EmbeddedServer(folder)
    server.start()
    durable = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
    assert {setting for _, setting in execute(server, durable)} == {"on"}
    assert execute(server, "SELECT current_setting('data_checksums'), current_database()") == [("on", DATABASE)]
    server.stop()


def test_nothing_listens_on_the_network_and_only_its_owner_may_enter_the_folder_of_its_socket(folder: Path) -> None:
    server = EmbeddedServer(folder)
    server.start()
    assert execute(server, "SHOW listen_addresses") == [("",)]
    [(places,)] = execute(server, "SHOW unix_socket_directories")
    assert Path(str(places)).stat().st_mode & 0o077 == 0
    server.stop()


def test_after_a_process_was_killed_the_next_adopts_its_server(
    folder: Path, services: list[subprocess.Popen[str]]
) -> None:
    first, role = start_service(services, folder)
    assert role == "owner"
    server = EmbeddedServer(folder)
    before = postmaster(server)
    first.kill()
    first.wait()
    server.start()
    assert (server.is_owner, postmaster(server)) == (True, before)
    server.stop()


def test_after_everything_was_killed_what_was_committed_is_there(folder: Path) -> None:
    server = EmbeddedServer(folder)
    server.start()
    execute(server, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS x")
    os.kill(postmaster(server), signal.SIGKILL)
    again = EmbeddedServer(folder)
    server._disown()
    until(lambda: _is_free_of_the_dead(again))
    assert execute(again, "SELECT count(*) FROM t") == [(1000,)]
    again.stop()


def _is_free_of_the_dead(server: EmbeddedServer) -> bool:
    """The children of a killed server notice and end; until then the memory that they share keeps a new one out."""
    try:
        server.start()
    except Unavailable:
        return False
    return True


def test_a_second_process_joins_and_leaves_the_server_to_its_owner(
    folder: Path, services: list[subprocess.Popen[str]]
) -> None:
    server = EmbeddedServer(folder)
    server.start()
    guest, role = start_service(services, folder)
    assert role == "guest"
    guest.communicate("")
    assert execute(server, "SELECT 1") == [(1,)]
    server.stop()


def test_a_server_that_is_slow_to_stop_is_said_to_be_and_can_be_started_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedServer(folder)
    server.start()
    monkeypatch.setattr("payonce.drivers.embedded.STOP_SECONDS", 0)
    with pytest.raises(Unavailable, match="does not stop"):
        server.stop()
    assert not server.is_owner
    monkeypatch.undo()
    again = EmbeddedServer(folder)
    again.start()
    assert again.is_owner
    assert execute(again, "SELECT 1") == [(1,)]
    again.stop()


def test_of_several_that_start_at_once_on_a_new_folder_one_is_the_owner(
    folder: Path, services: list[subprocess.Popen[str]]
) -> None:
    for _ in range(3):
        services.append(_service(folder))
    assert sorted(_line(process.stdout) for process in services) == ["guest", "guest", "owner"]


def test_the_lock_file_of_a_dead_server_is_removed_even_when_its_number_lives_again(folder: Path) -> None:
    """In a container that is started again the numbers are the same; PostgreSQL alone would refuse for ever."""
    server = EmbeddedServer(folder)
    server.start()
    lines = (server.data / "postmaster.pid").read_text().splitlines()
    server.stop()
    (server.data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    server.start()
    assert execute(server, "SELECT 1") == [(1,)]
    server.stop()


def test_a_folder_too_long_for_a_socket_works_like_any_other(folder: Path) -> None:
    deep = folder / ("a" * 60) / ("b" * 60)
    server = EmbeddedServer(deep)
    server.start()
    assert execute(server, "SELECT 1") == [(1,)]
    server.stop()
    assert not Path(str(psycopg.conninfo.conninfo_to_dict(server.dsn())["host"])).exists()


def test_a_socket_folder_that_somebody_else_prepared_is_refused(folder: Path) -> None:
    """Who made it could answer in the server's place."""
    server = EmbeddedServer(folder / ("a" * 60) / ("b" * 60))
    place = Path(str(psycopg.conninfo.conninfo_to_dict(server.dsn())["host"]))
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    with pytest.raises(Refused) as refusal:
        server.start()
    place.rmdir()
    assert refusal.value.code == "embedded_server_socket"
    assert not server.is_owner


def test_data_of_another_version_is_refused_and_left_alone(folder: Path) -> None:
    server = EmbeddedServer(folder)
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(Refused, match="17") as refusal:
        server.start()
    assert refusal.value.code == "embedded_server_version"
    assert [path.name for path in server.data.iterdir()] == ["PG_VERSION"]
    shutil.rmtree(server.data)


def test_an_initialisation_that_was_killed_is_begun_anew(folder: Path) -> None:
    server = EmbeddedServer(folder)
    half = server.data.with_suffix(".making")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    assert execute(server, "SELECT 1") == [(1,)]
    server.stop()


def test_a_server_that_does_not_start_says_why_and_leaves_no_lock(folder: Path) -> None:
    server = EmbeddedServer(folder, settings={"shared_buffers": "nonsense"})
    with pytest.raises(Unavailable) as failure:
        server.start()
    assert "shared_buffers" in failure.value.hint
    assert not server.is_owner
    healthy = EmbeddedServer(folder)
    healthy.start()
    healthy.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_it_works_for_a_normal_user_and_then_for_root_on_the_same_data(folder: Path) -> None:
    folder.chmod(0o777)
    nobody = pwd.getpwnam("nobody").pw_uid
    child = os.fork()
    if child == 0:
        # No exception may leave the child, for it would run the rest of the tests a second time.
        try:
            os.setgroups([])
            os.setuid(nobody)
            as_nobody = EmbeddedServer(folder)
            as_nobody.start()
            as_nobody.stop()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    server = EmbeddedServer(folder)
    server.start()
    assert execute(server, "SELECT 1") == [(1,)]
    assert server.is_owner and server.data.stat().st_uid == nobody
    server.stop()


def test_the_programs_of_the_server_are_there() -> None:
    assert {"postgres", "initdb", "pg_ctl", "pg_dump", "psql"} <= {path.name for path in binaries().iterdir()}
