"""A backup of an earlier time is restored: the provider then knows more than we do, and its word is looked for."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from payonce.drivers.embedded import EmbeddedServer
from payonce.simulation.server import SETTINGS, prepare
from tests.crash.mortal import INVITE
from tests.promises.acts import HOUR, MINUTE, payable
from tests.promises.money_back import paid_twice
from tests.promises.soundness import assert_sound
from tests.support.effects import Desk, Receiver
from tests.support.house import House


class Backup:
    """A server with a house on it, and a copy of its data as it once was."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedServer(folder, settings=SETTINGS)
        self._copy = folder / "copy"
        self._server.start()
        prepare(self._server.dsn())
        self.house = House(self._server.dsn(), kinds=(INVITE,))

    def take(self) -> None:
        """Copy the data of the server, which stands still meanwhile."""
        self._stop()
        self._copy_folder(self._server.data, self._copy)
        self._server.start()

    def restore(self) -> None:
        """Put the copy in the place of what came after it."""
        self._stop()
        shutil.rmtree(self._server.data)
        self._copy_folder(self._copy, self._server.data)
        self._server.start()

    def close(self) -> None:
        """End the server."""
        self._stop()

    def _stop(self) -> None:
        self.house.close()
        self._server.stop()

    def _copy_folder(self, source: Path, target: Path) -> None:
        # Owners are kept, for the server may run under another account than the tests.
        subprocess.run(["cp", "-a", str(source), str(target)], check=True)


@pytest.fixture
def backup() -> Iterator[Backup]:
    """A house whose database can be set back."""
    folder = Path(tempfile.mkdtemp(prefix="payonce-backup-"))
    folder.chmod(0o755)
    made = Backup(folder)
    yield made
    made.close()
    shutil.rmtree(folder)


def work(house: House, desk: Desk, hours: int = 3) -> None:
    """Letters and jobs, some hours long."""
    for _ in range(hours):
        house.deliver_owed()
        house.retry()
        house.resolve()
        house.send_refunds()
        desk.deliver()
        house.clock.move(HOUR)


def test_what_the_provider_knows_better_than_a_restored_backup_is_found_and_never_done_again(backup: Backup) -> None:
    """X3: nothing is charged, sent back or fulfilled twice; money of attempts that are lost is found, and held."""
    house = backup.house
    invites = Receiver()
    desk = Desk(house, {INVITE: invites})
    paid_twice(house, purpose="twice")
    seen, unseen = house.place("seen"), house.place("unseen")
    page = house.checkout(seen)
    backup.take()

    house.pay(page)
    house.pay(house.checkout(unseen))
    later = house.place("later")
    house.pay(house.checkout(later))
    work(house, desk)
    stripe = house.stripe
    before = (stripe.truth.captures_by_attempt(), stripe.truth.refunds_by_id(), len(stripe.truth.intents()))
    assert [house.see(order).state for order in (seen, unseen, later)] == ["paid"] * 3
    assert [len(made) for made in before[1].values()] == [1]

    backup.restore()
    assert [state for (state,) in house.rows("SELECT state FROM orders WHERE purpose = 'seen'")] == ["open"]
    for event_id in list(stripe.books.events):
        stripe.webhooks.resend(event_id)
    house.clock.move(MINUTE)
    work(house, desk)

    assert (house.see(seen).state, house.see(seen).counters.recorded) == ("paid", 1)
    assert house.rows("SELECT state FROM refunds") == [("succeeded",)]
    after = (stripe.truth.captures_by_attempt(), stripe.truth.refunds_by_id(), len(stripe.truth.intents()))
    assert after == before
    # What carries an attempt of which nothing is written waits for a person, one finding for each payment.
    found = house.rows("SELECT kind, money_minor FROM findings WHERE state <> 'resolved'")
    assert found == [("unknown_attempt", 4500)] * 2
    assert payable(house) == []
    of_seen = [call.key for call in invites.calls if call.order_id == seen.id]
    assert (len(of_seen), len(set(of_seen))) == (2, 1), "its receiver knows the second one by the same key"
    assert_sound(house)
