"""Hosts whose clocks are apart, or step back: what is newest and who waits for whom is not decided by a clock alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from payonce.base.ids import Ids
from payonce.drivers.chance import SystemChance
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.usecases.answers import Checkout
from payonce.usecases.ensure_checkout import ensure_checkout
from payonce.usecases.idempotency import Fresh, Keyed, Running, begin_request
from payonce.usecases.world import DEFAULT_MERCHANT, World
from tests.attacks.deaths import Mortal, mortal
from tests.promises.acts import HOUR, at_provider, cancel
from tests.support.clocks import HandClock
from tests.support.house import House

__all__ = ("mortal",)


@contextmanager
def elsewhere(house: House, seconds: float) -> Iterator[World]:
    """The same installation on another host, whose clock is that far ahead (or behind, below zero)."""
    clock, chance = HandClock(house.clock.instant), SystemChance()
    clock.move(seconds)
    [(host, port, name, user)] = house.rows(
        "SELECT current_setting('unix_socket_directories'), current_setting('port'), current_database(), current_user"
    )
    with SyncDatabase(f"host={host} port={port} dbname={name} user={user}", clock=clock, chance=chance) as database:
        yield replace(house.world, clock=clock, ids=Ids(clock, chance), database=database)


@contextmanager
def away(house: House, seconds: float) -> Iterator[None]:
    """Everything that the house does meanwhile is done on that other host."""
    here = house.world
    with elsewhere(house, seconds) as house.world:
        yield
    house.world = here


@pytest.mark.parametrize("ahead", [2, HOUR, 400 * 24 * HOUR])
def test_the_order_that_replaced_another_can_be_paid_though_a_faster_clock_placed_that_one(
    house: House, ahead: float
) -> None:
    """D2: 410 belongs to what was cancelled, never to the order that the payer just placed."""
    with away(house, ahead):
        old = house.place(amount_minor=4500)
    new = house.place(amount_minor=5000)
    assert (house.see(old).closed_reason, house.see(new).state) == ("superseded", "open")
    assert isinstance(house.click(new), Checkout)
    # The link of the older one leads to the newest, as it does on one host.
    assert house.checkout(old).order_id == new.id


def test_an_order_placed_after_a_cancelled_one_of_a_faster_clock_is_the_newest(house: House) -> None:
    """D2: what the merchant cancelled blocks nothing that was placed after it."""
    with away(house, HOUR):
        old = house.place()
    cancel(house, old)
    new = house.place(reference="second")
    assert isinstance(house.click(new), Checkout)


def test_a_caller_of_a_faster_clock_who_died_keeps_nobody_waiting(mortal: Mortal) -> None:
    """D5: a lease ends within a minute by every clock; one that lasts longer was taken by a clock that is ahead."""
    house, transport, until_death = mortal
    order = house.place()
    transport.dies = "before"
    with elsewhere(house, HOUR) as world:
        until_death(ensure_checkout(world, DEFAULT_MERCHANT, order.id))
    house.clock.slept.clear()
    assert isinstance(house.click(order), Checkout)
    assert (house.clock.slept, at_provider(house)) == ([], 1)


def test_an_idempotency_key_of_a_faster_clock_whose_caller_died_can_be_used_here(house: House) -> None:
    """E16: a crash after the work, before the answer, keeps the caller's retry out for no more than its lease."""
    keyed = Keyed(DEFAULT_MERCHANT, "key-1", "POST /orders", b"fingerprint")
    with elsewhere(house, HOUR) as world:
        assert isinstance(house.run(begin_request(world, keyed)), Fresh)
    assert isinstance(house.run(begin_request(house.world, keyed)), Fresh)
    assert isinstance(house.run(begin_request(house.world, keyed)), Running)
