"""Silences: somebody says what is not told, why and until when; nothing is lost by it, and its end is announced."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from payonce.base.errors import Conflict, PayonceError
from payonce.domain.alert import Route
from payonce.usecases.silences import Scope, SilenceView, list_silences, silence, unsilence
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.alarms import Alarms
from tests.support.house import House


@pytest.fixture
def alarms(house: House) -> Alarms:
    """One route that tells at once."""
    return Alarms(house)


def hush(house: House, hours: float = 1, **scope: Any) -> SilenceView:
    """Begin a silence."""
    lasts = timedelta(hours=hours)
    return house.run(silence(house.world, DEFAULT_MERCHANT, Scope(**scope), lasts, author="linh", reason="a migration"))


def test_a_silence_holds_what_it_names_until_its_end_which_is_announced_with_what_is_still_open(alarms: Alarms) -> None:
    hush(alarms.house, kind="second_charge")
    alarms.find("second_charge", about="a", money=4500)
    alarms.find("second_charge", about="b", money=700)
    alarms.find("late_payment", about="c")
    alarms.steps(3)
    assert [title.split(":")[0] for title in alarms["ops"].titles] == ["[critical] late_payment"]
    alarms.resolve("second_charge:b")
    alarms.house.clock.move(3600)
    alarms.steps(3)
    [message] = alarms["ops"].got[1:]
    assert message.title == "[silence ended] second_charge"
    assert "linh asked for silence about second_charge, because: a migration. Now its time is over." in message.body
    assert "held 2 alerts; of their findings 1 are still open" in message.body and "45.00 USD" in message.body
    # What comes afterwards is told as ever.
    alarms.find("second_charge", about="d")
    alarms.steps(2)
    assert alarms["ops"].titles[2:] == ["[critical] second_charge: 45.00 USD at risk"]


def test_a_silence_that_is_ended_early_is_announced_at_once_by_name(alarms: Alarms) -> None:
    begun = hush(alarms.house, severity="critical")
    alarms.find()
    alarms.step()
    world = alarms.house.world
    ended = alarms.house.run(unsilence(world, DEFAULT_MERCHANT, begun.id, by="minh", reason="done"))
    assert not ended.holds and ended.ended_by == "minh"
    alarms.steps(2)
    [message] = alarms["ops"].got
    assert "Now minh ended it." in message.body and "1 are still open" in message.body
    audit = alarms.house.rows("SELECT actor, event, cause FROM audit WHERE subject = 'silence' ORDER BY audit_id")
    assert audit == [("linh", "silence", "a migration"), ("minh", "unsilence", "done")]


def test_the_end_is_announced_where_it_could_have_held_something(house: House) -> None:
    quick = timedelta()
    alarms = Alarms(
        house, Route("pager", severities=("critical",), group=quick),
        Route("stripe", providers=("stripe",), group=quick), Route("notes", severities=("notice",), group=quick),
    )  # fmt: skip
    hush(house, severity="critical", provider="stripe")
    house.clock.move(3600)
    alarms.steps(2)
    told = {name: len(phone.got) for name, phone in alarms.phones.items()}
    assert told == {"pager": 1, "stripe": 1, "notes": 0}
    assert "held 0 alerts" in alarms["pager"].got[0].body


def test_of_several_silences_that_end_at_once_each_is_announced(alarms: Alarms) -> None:
    for severity in ("critical", "warning", "notice"):
        hush(alarms.house, severity=severity)
    alarms.house.clock.move(3600)
    alarms.steps(5)
    assert sorted(alarms["ops"].titles) == [
        "[silence ended] critical", "[silence ended] notice", "[silence ended] warning"
    ]  # fmt: skip


def test_what_was_told_before_and_ends_in_a_silence_is_not_told(alarms: Alarms) -> None:
    alarms.find(about="a")
    alarms.step()
    hush(alarms.house)
    alarms.resolve("second_charge:a")
    alarms.steps(2)
    assert len(alarms["ops"].got) == 1


def test_a_silence_about_one_order_or_provider_holds_nothing_of_others(alarms: Alarms) -> None:
    house = alarms.house
    mine, other = house.place("a"), house.place("b")
    hush(house, order_id=mine.id)
    hush(house, provider="zalopay")
    alarms.find(about="a", order_id=mine.id)
    alarms.find(about="b", order_id=other.id)
    alarms.steps(2)
    assert [message.data["count"] for message in alarms["ops"].got] == [1]
    assert "ord_" in alarms["ops"].got[0].body


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"reason": " "}, "reason_missing"), ({"author": ""}, "author_missing"),
        ({"lasts": timedelta(days=31)}, "silence_too_long"), ({"lasts": timedelta()}, "silence_too_long"),
        ({"scope": Scope(kind="second_chrage")}, "finding_kind_unknown"),
        ({"scope": Scope(severity="bad")}, "finding_severity_unknown"),
    ],
)  # fmt: skip
def test_a_silence_needs_an_author_a_reason_and_an_end(house: House, said: dict[str, Any], code: str) -> None:
    wish: dict[str, Any] = {"author": "linh", "reason": "a migration", "lasts": timedelta(hours=1), "scope": Scope()}
    wish |= said
    with pytest.raises(PayonceError) as refused:
        house.run(silence(house.world, DEFAULT_MERCHANT, wish.pop("scope"), wish.pop("lasts"), **wish))
    assert refused.value.code == code
    assert house.rows("SELECT 1 FROM silences") == [] == house.rows("SELECT 1 FROM audit")


def test_a_silence_ends_once(house: House) -> None:
    begun = hush(house)
    for _ in range(2):
        # The same word again, as after an answer that was lost, changes nothing.
        house.run(unsilence(house.world, DEFAULT_MERCHANT, begun.id, by="minh", reason="done"))
        house.clock.move(60)
    with pytest.raises(Conflict):
        house.run(unsilence(house.world, DEFAULT_MERCHANT, begun.id, by="linh", reason="also"))
    [seen] = house.run(list_silences(house.world, DEFAULT_MERCHANT))
    assert (seen.ended_by, seen.holds, seen.scope) == ("minh", False, "everything")
    assert house.run(list_silences(house.world, DEFAULT_MERCHANT, only_in_force=True)) == []
    with pytest.raises(PayonceError) as refused:
        house.run(unsilence(house.world, DEFAULT_MERCHANT, house.world.ids.new(), by="linh", reason="x"))
    assert refused.value.code == "silence_unknown"
