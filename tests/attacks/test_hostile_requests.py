"""A whole service over real sockets, and strangers who send what no client would.

Whatever comes, it is never answered with a 5xx, and nothing is believed that was not signed. What is signed and cannot
be understood is stored as it came and accepted, so that its provider does not send it for days. Memory stays flat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from tests.attacks.conftest import BAD_INPUTS
from tests.attacks.corpora.bodies import BODIES, MIB, Body
from tests.attacks.corpora.doors import DOORS, NOTICE_LIMIT, Door, Headers, environment
from tests.attacks.corpora.requests import hostile_requests
from tests.support.databases import TestServer
from tests.support.raw_http import NOTHING, RawAnswer, RawConnection, request
from tests.support.service import Service

# What the service holds goes up and down by some mebibytes; a leak of one input in a hundred would be more than this.
FLAT_BYTES = 48 * MIB
RECORD = Callable[[str, object], None]


@dataclass
class Besieged:
    """The service, its database, and what was counted."""

    service: Service
    database: str
    connection: RawConnection
    sent: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """Rows of a query, read beside the service."""
        with psycopg.connect(self.database, autocommit=True) as beside:
            return beside.execute(text.encode()).fetchall()

    def stored(self) -> int:
        """How many events there are."""
        [(count,)] = self.rows("SELECT count(*) FROM events")
        return int(count)

    def post(self, door: Door, name: str, headers: Headers, body: bytes) -> RawAnswer:
        """One delivery; a 5xx or no answer at all is wrong, whoever sent it."""
        found = self.connection.post(door.path, headers, body)
        self.sent[door.provider] += 1
        if found.status >= 500 or found is NOTHING:
            self.wrong.append(f"{door.provider}, {name}: {found.status} {found.body[:200]!r}")
        return found

    def refused(self, door: Door, name: str, headers: Headers, body: bytes) -> None:
        """One delivery that must be refused, as its provider understands it."""
        found = self.post(door, name, headers, body)
        if (found.status == 413 and len(body) > MIB) or (found.status == 431 and len(str(headers)) > 60_000):
            return
        if found.status != door.forged.status or door.forged.body not in found.body:
            self.wrong.append(f"{door.provider}, {name}: not refused: {found.status} {found.body[:200]!r}")


@pytest.fixture(scope="module")
def besieged(postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """A service with the doors of all providers."""
    name = postgres.create(postgres.template())
    database = postgres.server.dsn(name)
    service = Service(tmp_path_factory.mktemp("besieged"), port=None, DATABASE_URL=database, **environment())
    try:
        service.start()
        connection = RawConnection(service.base_url)
        yield Besieged(service, database, connection)
        connection.close()
    finally:
        service.stop()
        postgres.drop(name)


def forgeries(door: Door) -> Iterator[tuple[str, Headers, bytes]]:
    """Every body without a signature and with a few wrong ones, and one body with every wrong one."""
    usual = next(body for body in BODIES if body.name == "an event")
    for name, headers, body in door.forge(usual.data):
        yield name, headers, body
    for each in BODIES:
        # What is large is sent without a signature only: with one it is refused as slowly.
        for number, (name, headers, body) in enumerate(door.forge(each.data)):
            if number % 8 == 0 and (number == 0 or len(each.data) <= NOTICE_LIMIT):
                yield f"{each.name}, {name}", headers, body


@pytest.mark.parametrize("provider", DOORS)
def test_nothing_that_is_not_signed_is_believed_and_nothing_of_it_is_left(
    besieged: Besieged, provider: str, record_property: RECORD
) -> None:
    """B16: whatever the bytes and the headers, forged is forged, over the wire as in the verifier."""
    before, number = besieged.stored(), 0
    for name, headers, body in forgeries(DOORS[provider]):
        besieged.refused(DOORS[provider], name, headers, body)
        number += 1
    assert besieged.wrong == []
    assert besieged.stored() == before
    assert number > 200
    record_property(BAD_INPUTS, number)


@pytest.mark.parametrize("provider", DOORS)
def test_what_is_signed_is_stored_byte_by_byte_and_accepted_even_where_nobody_can_read_it(
    besieged: Besieged, provider: str, record_property: RECORD
) -> None:
    """B11: bytes first, meaning after. The second time it is known."""
    door, kept = DOORS[provider], set[bytes]()
    number = 0
    for each in BODIES:
        made = door.sign(each.data) if is_signed_somewhere(door, each) else None
        if made is None:
            continue
        headers, body = made
        first = besieged.post(door, each.name, headers, body)
        again = besieged.post(door, each.name, headers, body)
        number += 2
        if {first.status, again.status} != {200} or b'"return_code":-1' in first.body:
            besieged.wrong.append(f"{provider}, {each.name}: not taken: {first} {again}"[:400])
        kept.add(body)
    assert besieged.wrong == []
    stored = {bytes(row[0]) for row in besieged.rows(f"SELECT body FROM events WHERE provider = '{provider}'")}
    assert stored == kept and len(kept) > 25
    assert besieged.rows("SELECT count(*) FROM settlements") == [(0,)]
    record_property(BAD_INPUTS, number)


def is_signed_somewhere(door: Door, body: Body) -> bool:
    """Whether the provider can sign such content: NOWPayments signs values, so there must be some."""
    return door.provider != "nowpayments" or (body.is_object and len(body.data) <= NOTICE_LIMIT)


def test_no_request_that_lies_about_itself_is_answered_with_5xx_or_believed(
    besieged: Besieged, record_property: RECORD
) -> None:
    """B16: what a proxy and a server could read differently is nobody's event."""
    body, number, ended = b'{"id":"evt_framed","object":"event","type":"x","data":{"object":{}}}', 0, 0
    before = besieged.stored()
    for framed in hostile_requests(body):
        connection = RawConnection(besieged.service.base_url)
        connection.send(framed.data)
        for _ in range(framed.times):
            if not connection.send(framed.more):
                ended += 1
                break
        connection.end()
        number += 1
        while (found := connection.answer()) is not NOTHING:
            if found.status >= 500:
                besieged.wrong.append(f"{framed.name}: {found.status} {found.body[:200]!r}")
        connection.close()
    assert besieged.wrong == []
    # What has no end was ended by the service, each of it.
    assert ended == sum(framed.times > 0 for framed in hostile_requests(body))
    # Some of them say the whole of it after all. It is taken then as it was signed, once, and nothing else is.
    assert besieged.stored() <= before + 1
    taken = {bytes(row[0]) for row in besieged.rows("SELECT body FROM events ORDER BY received_at DESC LIMIT 1")}
    assert besieged.stored() == before or taken == {body}
    ready = besieged.connection.exchange(request("GET", "/readyz", []))
    assert (ready.status, ready.body) == (200, b'{"ready":true,"wrong":[]}')
    record_property(BAD_INPUTS, number)


def test_the_memory_of_the_service_stays_flat(besieged: Besieged, record_property: RECORD) -> None:
    """B16: what a stranger sends is gone when it is answered, however large."""
    large, number, held = [body for body in BODIES if len(body.data) > NOTICE_LIMIT], 0, list[int]()
    # The first rounds make what every round uses: pages of memory, patterns, counters.
    for rounds in (2, 6):
        for each in large * rounds:
            for door in DOORS.values():
                besieged.refused(door, each.name, [], each.data)
                number += 1
        held.append(besieged.service.memory_bytes())
    assert besieged.wrong == []
    assert held[1] - held[0] < FLAT_BYTES
    record_property(BAD_INPUTS, number)
