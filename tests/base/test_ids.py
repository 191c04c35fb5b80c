"""Ids: compared both ways with another author's TypeID library, and never twice the same."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typeid import TypeID
from uuid_utils import UUID as PeerUUID  # noqa: N811  (the peer takes no other)

from payonce.base import ids
from payonce.base.errors import Refused
from payonce.base.ids import Ids
from tests.support.clocks import HandClock, SeededChance

PREFIXES = (
    ids.ORDER, ids.ATTEMPT, ids.EVENT, ids.SETTLEMENT, ids.ENTRY, ids.EFFECT, ids.FINDING, ids.REFUND, ids.REQUEST,
)  # fmt: skip


def peer_text(prefix: str, value: UUID) -> str:
    """What `typeid-python` writes for the id."""
    return str(TypeID.from_uuid(prefix=prefix, suffix=PeerUUID(value.hex)))


@given(st.sampled_from(PREFIXES), st.uuids())
def test_ids_are_written_as_the_peer_writes_them_and_read_back(prefix: str, value: UUID) -> None:
    text = ids.show(prefix, value)
    assert text == peer_text(prefix, value)
    assert ids.read(prefix, text) == value
    assert UUID(str(TypeID.from_string(text).uuid)) == value


@pytest.mark.parametrize("value", [UUID(int=0), UUID(int=(1 << 128) - 1)])
def test_the_smallest_and_the_largest_id_survive(value: UUID) -> None:
    assert ids.read("ord", ids.show("ord", value)) == value


@given(st.text(max_size=40) | st.from_regex(r"\A(ord|att)_[0-9a-zA-Z]{20,30}\Z"))
def test_text_is_an_id_only_where_the_peer_says_so_too(text: str) -> None:
    try:
        peer = TypeID.from_string(text)
        expected = UUID(str(peer.uuid)) if peer.prefix == "ord" else None
    except Exception:
        expected = None
    assert ids.read_or_none("ord", text) == expected


def test_what_is_no_id_is_refused_like_an_id_that_does_not_exist() -> None:
    bodies = ("", "8" + "z" * 25, "I" * 26, "0" * 27, "é" * 26)
    for text in ("", "ord", "att_" + "0" * 26, *(f"ord_{body}" for body in bodies)):
        with pytest.raises(Refused) as refused:
            ids.read("ord", text)
        assert (refused.value.code, refused.value.status) == ("id_invalid", 404)


def test_ids_rise_and_never_repeat_while_the_clock_stands_still_or_steps_back() -> None:
    clock = HandClock()
    made_by = Ids(clock, SeededChance())
    made = [made_by.new() for _ in range(5000)]
    clock.instant -= timedelta(hours=1)
    made += [made_by.new() for _ in range(10)]
    assert made == sorted(set(made))


def test_ids_are_of_version_seven_and_carry_their_moment() -> None:
    clock = HandClock()
    made = Ids(clock, SeededChance()).new()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == int(clock.instant.timestamp() * 1000)


def test_a_link_holds_128_bits_in_26_letters_and_digits() -> None:
    made_by = Ids(HandClock(), SeededChance())
    tokens = {made_by.token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(len(token) == 26 and set(token) <= set(ids.ALPHABET) for token in tokens)
    assert ids.spell(b"\x00" * 16) == "0" * 26
    assert ids.spell(b"\xff" * 16) == "7" + "z" * 25
