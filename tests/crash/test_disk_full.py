"""The disk of the database is full: what cannot be written is refused for now, and nothing answered for is lost."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from payonce.base.errors import InDoubt, PayonceError, Unavailable
from payonce.drivers.embedded import EmbeddedServer
from payonce.simulation.server import prepare
from payonce.usecases.answers import Checkout, OrderView
from tests.crash.mortal import INVITE
from tests.promises.acts import HOUR, MINUTE, findings
from tests.promises.soundness import assert_agrees, assert_sound
from tests.support.effects import Desk, Receiver
from tests.support.house import House

# An empty server with the schema takes about 90 MB, 32 of them for its log.
DISK_MB = 140
SMALL = {"max_wal_size": "32MB", "min_wal_size": "32MB", "autovacuum": "off"}
BALLAST = "ballast"
# A page of a table has room for some dozen rows, so that a full disk shows within a few orders.
MOST_TRIES, ENOUGH_REFUSALS = 400, 6


@pytest.fixture
def small_server() -> Iterator[tuple[Path, EmbeddedServer]]:
    """A server on a disk of its own, which is small."""
    folder = Path(tempfile.mkdtemp(prefix="payonce-disk-"))
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "tmpfs", str(folder)]
    mounted = shutil.which("mount") and subprocess.run(words, capture_output=True, check=False).returncode == 0
    if not mounted:
        folder.rmdir()
        pytest.skip("a small disk of its own needs the right to mount one")
    server = EmbeddedServer(folder, settings=SMALL)
    yield folder, server
    server.stop()
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


def fill(disk: Path) -> None:
    """Leave no room."""
    with suppress(OSError), (disk / BALLAST).open("wb", buffering=0) as ballast:
        while ballast.write(bytes(65536)):
            pass


def shop(house: House, number: int) -> OrderView:
    """Place an order and pay it; its letters are delivered."""
    order = house.place(f"fee:{number}")
    answer = house.click(order)
    if isinstance(answer, Checkout):
        house.pay(answer)
    for hook in house.party.due_deliveries():
        status = 503
        try:
            house.deliver([hook])
            status = 200
        finally:
            house.party.delivered(hook.delivery_id, status)
    return order


@pytest.mark.slow
def test_nothing_that_was_answered_is_lost_when_the_disk_is_full(small_server: tuple[Path, EmbeddedServer]) -> None:
    """S12: an error that may be retried, and afterwards the jobs go on where it stopped."""
    small_disk, server = small_server
    server.start()
    prepare(server.dsn())
    house = House(server.dsn(), kinds=(INVITE,))
    desk = Desk(house, {INVITE: Receiver()})
    answered, refused = [shop(house, 0)], []
    fill(small_disk)
    for number in range(1, MOST_TRIES):
        try:
            answered.append(shop(house, number))
        except PayonceError as error:
            refused.append(error)
        if len(refused) >= ENOUGH_REFUSALS:
            break
    assert len(refused) >= ENOUGH_REFUSALS and {type(error) for error in refused} <= {Unavailable, InDoubt}

    (small_disk / BALLAST).unlink()
    # It may have stopped by itself, where it had no room for its log.
    server.start()
    for pause in (MINUTE, MINUTE, 6 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR):
        house.clock.move(pause)
        house.deliver_owed()
        house.retry()
        house.resolve()
        desk.deliver()
    assert {house.see(order).state for order in answered} == {"paid"}
    assert {house.see(order).counters for order in answered} == {house.see(answered[0]).counters}
    assert findings(house) == []
    assert_sound(house)
    assert_agrees(house)
    house.close()
