"""How much one payment costs, from its order to its settlement, in a database that has seen any number of others."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

import psycopg

from tests.growth.large import NOW
from tests.support.house import House

PAYMENTS: Final = 40
_BLOCKS: Final = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"


def pages_of_a_payment(url: str) -> float:
    """Pages of tables and indexes that placing, opening and settling one order looks at, on average.

    What a connection reads of the catalogue when it begins is not in it.
    """
    first, second = _pay(url, PAYMENTS // 4), _pay(url, PAYMENTS + PAYMENTS // 4)
    return (second - first) / PAYMENTS


def _pay(url: str, payments: int) -> int:
    """The pages that this and so many payments on a new connection read."""
    name, before = uuid4().hex, _read(url)
    house = House(url)
    try:
        house.clock.move((NOW - house.clock.now()).total_seconds() + 120)
        for number in range(payments):
            house.pay(house.checkout(house.place(f"growth:{name}:{number}")))
            house.deliver_owed()
    finally:
        # What a connection did is counted when it ends.
        house.close()
    after = _read(url)
    with psycopg.connect(url) as connection:
        paid = "SELECT count(*) FROM orders WHERE merchant_id = 'default' AND state = 'paid' AND purpose LIKE %s"
        assert connection.execute(paid, (f"growth:{name}:%",)).fetchone() == (payments,)
    return after - before


def _read(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        [(blocks,)] = connection.execute(_BLOCKS).fetchall()
        return int(blocks)
