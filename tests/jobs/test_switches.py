"""Switches: a job, everything, or all messages to customers; with a reason, in every process, within one batch."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from payonce.base.errors import Refused
from payonce.domain.delivering import Accepted
from payonce.domain.effect import EffectKind
from payonce.jobs.lane import Lane
from payonce.jobs.timetable import TIMETABLE, find_job
from payonce.usecases.effect_handlers import EffectCall, Handlers
from payonce.usecases.list_jobs import list_changes, list_switches
from payonce.usecases.pull_switch import pause, resume, retire, set_interval
from payonce.usecases.register_jobs import register_jobs
from tests.promises.money_back import paid_twice
from tests.support.frames import Rows, describe, drive, job, lane, step
from tests.support.house import INVITE, NOTICE, House


class Receiver:
    """Takes every effect, and remembers which."""

    def __init__(self, *kinds: EffectKind) -> None:
        self.got: list[str] = []
        self.handlers = Handlers(describe)
        for kind in kinds:
            self.handlers.add(kind, self)

    async def deliver(self, effect: EffectCall) -> Any:
        self.got.append(effect.kind)
        return Accepted("")


def delivering(house: House, receiver: Receiver, **more: Any) -> Lane:
    return lane(house, find_job("deliver"), receiver.handlers, **more)


def paid(house: House, purpose: str = "fee:27:2026-05") -> None:
    house.pay(house.checkout(house.place(purpose)))
    house.deliver_owed()


def states(house: House) -> dict[str, str]:
    return dict(house.rows("SELECT kind, state FROM effects"))


@pytest.mark.parametrize("switch", ["deliver", "all"])
def test_nothing_is_claimed_once_the_worker_that_delivers_is_stopped(house: House, switch: str) -> None:
    """A10: workers obey too, and what is owed stays owed."""
    receiver = Receiver(INVITE, NOTICE)
    worker = delivering(house, receiver)
    step(worker)
    paid(house)
    house.run(pause(house.world, switch, by="linh", reason="INC-4"))
    step(worker)
    assert (receiver.got, states(house)) == ([], {"invite": "pending", "notice": "pending"})
    assert worker.is_paused
    house.run(resume(house.world, switch, by="linh", reason="mended"))
    step(worker)
    assert sorted(receiver.got) == ["invite", "notice"]


@pytest.mark.parametrize("switch", ["refund", "all"])
def test_no_money_goes_back_while_its_worker_is_stopped(house: House, switch: str) -> None:
    """A10: not a single call is made."""
    paid_twice(house)
    before = len(house.stripe.calls)
    house.run(register_jobs(house.world, [each.facts for each in TIMETABLE]))
    house.run(pause(house.world, switch, by="linh", reason="INC-4"))
    worker = lane(house, find_job("refund"))
    drive(house, [worker], 30)
    assert len(house.stripe.calls) == before
    house.run(resume(house.world, switch, by="linh", reason="mended"))
    drive(house, [worker], 30)
    assert len(house.stripe.calls) > before


def test_a_process_starts_beside_one_that_is_frozen_while_it_holds_a_job(house: House, database_url: str) -> None:
    """C20: what stands in the table already is not even locked."""
    facts = [each.facts for each in TIMETABLE]
    house.run(register_jobs(house.world, facts))
    with psycopg.connect(database_url) as frozen:
        frozen.execute("SELECT 1 FROM jobs FOR UPDATE")
        house.run(register_jobs(house.world, facts))
        house.run(register_jobs(house.world, facts, only_new=True))


@pytest.mark.parametrize("each", TIMETABLE, ids=[each.name for each in TIMETABLE])
def test_one_switch_stops_everything(house: House, each: Any) -> None:
    """A10: every job of the timetable, workers and scheduled ones."""
    rows = Rows(10)
    one = lane(house, job(rows.use, name=each.name, every_seconds=each.every_seconds, is_worker=each.is_worker))
    house.run(pause(house.world, "all", by="linh", reason="INC-4"))
    step(one)
    assert rows.taken == [] and one.is_paused
    house.run(resume(house.world, "all", by="linh", reason="mended"))
    step(one)
    assert rows.taken == list(range(10)) and not one.is_paused


def test_no_message_goes_to_a_customer_while_messages_are_stopped_and_what_was_bought_does(house: House) -> None:
    """A10, A5: they stay owed, and go out when the switch is put back within the horizon."""
    receiver = Receiver(INVITE, NOTICE)
    worker = delivering(house, receiver)
    house.run(pause(house.world, "messages", by="linh", reason="wrong text"))
    paid(house)
    step(worker)
    assert (receiver.got, states(house)) == (["invite"], {"invite": "done", "notice": "pending"})
    house.run(resume(house.world, "messages", by="linh", reason="mended"))
    step(worker)
    assert receiver.got == ["invite", "notice"]


def test_kinds_that_the_switch_names_go_out_all_the_same(house: House) -> None:
    """A10: messages are stopped but for named kinds."""
    receipt = EffectKind("receipt", "order.paid", "notification", "ask")
    house.world.kinds.append(receipt)
    receiver = Receiver(INVITE, NOTICE, receipt)
    house.run(pause(house.world, "messages", by="linh", reason="wrong text", allow=["receipt"]))
    paid(house)
    step(delivering(house, receiver))
    assert states(house) == {"invite": "done", "receipt": "done", "notice": "pending"}


def test_the_environment_of_a_process_stops_its_messages(house: House) -> None:
    """A10: `PAYONCE_JOB_MESSAGES=off` is a switch of one process."""
    receiver = Receiver(INVITE, NOTICE)
    paid(house)
    step(delivering(house, receiver, is_silent=True))
    assert states(house) == {"invite": "done", "notice": "pending"}
    step(delivering(house, receiver))
    assert states(house)["notice"] == "done"


def test_every_change_is_kept_with_who_when_and_why(house: House) -> None:
    """A10, A15: nothing of it is ever changed."""
    step(lane(house, job(Rows(0).use)))
    world = house.world
    said: dict[str, Any] = {"by": "linh", "reason": "INC-4"}
    house.run(pause(world, "test", **said))
    house.clock.move(60)
    house.run(pause(world, "test", by="minh", reason="still INC-4"))
    house.run(resume(world, "test", by="minh", reason="mended"))
    house.run(set_interval(world, "test", 60.0, **said))
    house.run(retire(world, "test", **said))
    house.run(retire(world, "test", is_retired=False, **said))
    changes = house.run(list_changes(world, "test"))[::-1]
    assert [(each.act, each.actor) for each in changes] == [
        ("pause", "linh"), ("pause", "minh"), ("resume", "minh"), ("every", "linh"), ("retire", "linh"),
        ("revive", "linh"),
    ]  # fmt: skip
    assert changes[3].detail == "every 60 s" and changes[1].reason == "still INC-4"
    [switch] = house.run(list_switches(world))
    assert (switch.name, switch.is_off, switch.reason) == ("test", False, "mended")


def test_what_is_on_already_is_left_alone(house: House) -> None:
    house.run(resume(house.world, "all", by="linh", reason="to be sure"))
    assert house.run(list_changes(house.world)) == []
    assert house.run(list_switches(house.world)) == []


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "two\nlines"])
@pytest.mark.parametrize("act", ["pause", "resume", "every", "retire"])
def test_nothing_is_switched_without_a_reason(house: House, act: str, reason: str) -> None:
    """A10: whoever comes next must be able to read why."""
    step(lane(house, job(Rows(0).use)))
    before = house.rows("SELECT j::text FROM jobs AS j")
    acts: dict[str, Any] = {
        "pause": lambda: pause(house.world, "test", by="linh", reason=reason),
        "resume": lambda: resume(house.world, "test", by="linh", reason=reason),
        "every": lambda: set_interval(house.world, "test", 60.0, by="linh", reason=reason),
        "retire": lambda: retire(house.world, "test", by="linh", reason=reason),
    }
    with pytest.raises(Refused) as refused:
        house.run(acts[act]())
    assert refused.value.code == "reason_missing"
    assert house.rows("SELECT count(*) FROM switches") == house.rows("SELECT count(*) FROM switch_changes") == [(0,)]
    assert house.rows("SELECT j::text FROM jobs AS j") == before


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda world: pause(world, "delivery", by="linh", reason="x"), "switch_unknown"),
        (lambda world: resume(world, "delivery", by="linh", reason="x"), "switch_unknown"),
        (lambda world: set_interval(world, "delivery", 60.0, by="linh", reason="x"), "job_unknown"),
        (lambda world: retire(world, "delivery", by="linh", reason="x"), "job_unknown"),
        (lambda world: set_interval(world, "test", 0.0, by="linh", reason="x"), "interval_invalid"),
        (lambda world: set_interval(world, "test", float("nan"), by="linh", reason="x"), "interval_invalid"),
        (lambda world: set_interval(world, "test", 1e9, by="linh", reason="x"), "interval_invalid"),
        (lambda world: pause(world, "test", by="linh", reason="x", allow=["invite"]), "allow_invalid"),
        (lambda world: pause(world, "messages", by="linh", reason="x", allow=[""]), "allow_invalid"),
    ],
)
def test_a_switch_that_switches_nothing_is_refused(house: House, act: Any, code: str) -> None:
    """A10: a switch of a name that no job has would be worse than none."""
    step(lane(house, job(Rows(0).use)))
    with pytest.raises(Refused) as refused:
        house.run(act(house.world))
    assert refused.value.code == code
    assert house.rows("SELECT count(*) FROM switches") == house.rows("SELECT count(*) FROM switch_changes") == [(0,)]
