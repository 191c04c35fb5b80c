"""Send refunds: those that are due, those whose answer was lost, and those that are followed until they ended.

Only here does money leave. Every refund is taken by a lease, its captures are read, the rules are asked once more
under lock, its exact request is stored, and only then is it sent; each of these can be interrupted and begun again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from payonce.base.errors import Bug, Conflict, Refused
from payonce.providers.contract import Call, Done, NotDone, Outcome, Unknown
from payonce.providers.gateway import ProviderRefunder
from payonce.store import queries
from payonce.store.database import read_once
from payonce.usecases.begin_refund import begin_refund
from payonce.usecases.hear_money import Heard, hear_captures
from payonce.usecases.note_trouble import note_trouble
from payonce.usecases.record_refund import Answered, record_look, record_sent
from payonce.usecases.take_refund import Taken, take_refund
from payonce.usecases.world import World

REFUNDS: Final = queries.load("refunds")


@dataclass(frozen=True, slots=True)
class Sent:
    """What one run did: refunds taken up; of those sent, known to have arrived, in doubt, and refused; and those that
    met an error.
    """

    taken: int = 0
    sent: int = 0
    succeeded: int = 0
    in_doubt: int = 0
    refused: int = 0
    failed: int = 0


async def send_refunds(world: World, merchant_id: str, limit: int = 100) -> Sent:
    """Go on with up to `limit` refunds, the longest due first. Needs the refund worker's world."""
    taken_up = failed = sent = 0
    states: list[str] = []
    for order_id, refund_id in await refunds_due(world, merchant_id, limit):
        if world.is_stopped:
            break
        try:
            taken = await take_refund(world, merchant_id, order_id, refund_id)
            if taken is None:
                continue
            taken_up += 1
            state = await _go_on(world, merchant_id, taken)
        except (Bug, Refused, Conflict) as error:
            # One refund that cannot be sent holds nothing up that stands behind it.
            await note_trouble(world, merchant_id, order_id, "send_refunds", error)
            failed += 1
            continue
        sent += state is not None
        states.append(state or "")
    return Sent(
        taken_up, sent, states.count("succeeded"), states.count("in_doubt"), states.count("failed"), failed
    )  # fmt: skip


async def refunds_due(world: World, merchant_id: str, limit: int) -> list[tuple[UUID, UUID]]:
    """Refunds to go on with, by order, the longest due first."""
    given = {"merchant_id": merchant_id, "now": world.clock.now(), "limit": limit}
    [rows] = await read_once(world.database, (REFUNDS.refunds_due, given), name="refunds_due")
    return [(row.order_id, row.refund_id) for row in rows]


async def _go_on(world: World, merchant_id: str, taken: Taken) -> str | None:
    """Do with one refund what is next. The state that it has after it was sent or asked about; None: neither."""
    key = taken.refund.capture
    refunder = world.refunder(key.provider, key.account)
    if taken.state in ("sent", "succeeded"):
        return await _follow(world, merchant_id, taken, refunder)
    heard = await hear_captures(world, taken.captures)
    looked = await _look(world, refunder, taken, taken.call) if taken.state == "in_doubt" else None
    if isinstance(looked, Done):
        heard.add(taken.refund.attempt_id, looked)
    began = world.clock.now()
    call = await begin_refund(world, merchant_id, taken, heard, looked)
    if call is None:
        return None
    if world.clock.now() - began >= world.policy_of(merchant_id).lease:
        # Held up since it was begun: by now another worker may have sent it, and its key may be forgotten.
        return None
    outcome = await refunder.refund(call)
    more = Heard()
    if isinstance(outcome, Done):
        more.add(taken.refund.attempt_id, outcome)
    after = await _after_a_no(world, refunder, taken, call, outcome, more)
    answered = Answered(outcome, taken.state == "in_doubt", after)
    return await record_sent(world, merchant_id, taken, answered, more)


async def _after_a_no(
    world: World, refunder: ProviderRefunder, taken: Taken, call: Call, outcome: Outcome, more: Heard
) -> Outcome | None:
    """How things stand after a no, or where the same key gives nothing any more: somebody else may have sent the money
    back, or the first sending of ours did. Otherwise nothing is asked.
    """
    is_no = isinstance(outcome, NotDone) and not outcome.may_repeat
    if not is_no and not (isinstance(outcome, Unknown) and outcome.key_is_spent):
        return None
    looked = await _look(world, refunder, taken, call)
    if isinstance(looked, Done):
        more.add(taken.refund.attempt_id, looked)
    more.answers.extend((await _read_capture(world, taken)).answers)
    return looked


async def _follow(world: World, merchant_id: str, taken: Taken, refunder: ProviderRefunder) -> str:
    """Ask how a refund stands that the provider has taken on, or that arrived and may still fail."""
    looked = await _look(world, refunder, taken, taken.call)
    # Without a request of ours, which only a strange echo brings about, the capture tells as much as there is.
    heard = Heard() if taken.call is not None else await _read_capture(world, taken)
    if isinstance(looked, Done):
        heard.add(taken.refund.attempt_id, looked)
    return await record_look(world, merchant_id, taken, looked, heard)


async def _read_capture(world: World, taken: Taken) -> Heard:
    """The capture that the refund is of, read at its provider."""
    return await hear_captures(world, [pair for pair in taken.captures if pair[0].key == taken.refund.capture])


async def _look(world: World, refunder: ProviderRefunder, taken: Taken, call: Call | None) -> Outcome:
    if call is None:
        return Unknown("its request is not stored")
    return await refunder.look_for_refund(taken.ask, call, world.clock.now())
