"""What ZaloPay's answer to a call means: done, not done, or unknown.

Answers name nothing: whose order or refund they tell of is known from the call, so an answer that is kept is kept with
what was asked (`kept`). Not done is said only where `codes` has a row; everything else is unknown. Time-outs never come
here; `gateway` answers those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from payonce.base.errors import Refused
from payonce.domain.observation import Observation, Seen, Source
from payonce.providers.contract import Call, Done, NotDone, Outcome, Unknown
from payonce.providers.transport import Answer
from payonce.providers.zalopay import orders, refunds
from payonce.providers.zalopay.kept import keep
from payonce.providers.zalopay.said import Said, Told, said_of
from payonce.providers.zalopay.wire import Surprise

Observe = Callable[[Seen, Source], Observation]

# HTTP says that there is no such path, which is not established for the cancelling of an order.
_NO_SUCH_PATH: Final = frozenset({404, 405})
_READERS: Final[Mapping[str, Callable[[Said], Told | NotDone | Unknown]]] = {
    "create": orders.created,
    "read": orders.asked,
    "close": orders.closed,
    "refund": refunds.asked_for,
    "look_for_refund": refunds.looked_for,
}
_ASKING: Final = frozenset({"read", "look_for_refund"})


def understand(call: Call, answer: Answer, observe: Observe) -> Outcome:
    """The outcome of the call. Raises nothing, whatever the bytes."""
    if answer.status != 200:
        if call.operation == "close" and answer.status in _NO_SUCH_PATH:
            return NotDone("not_closable", f"ZaloPay has no such call ({answer.status})")
        return Unknown(f"ZaloPay answered {answer.status}")
    return read_answer(call, answer.body, observe, "poll" if call.operation in _ASKING else "answer")


def read_answer(call: Call, body: bytes, observe: Observe, source: Source) -> Outcome:
    """What the body of an answer says, when it came or again from what was kept of it. Raises nothing."""
    try:
        told = _READERS[call.operation](said_of(call, body))
        if isinstance(told, Told):
            return Done((observe(told.seen, source),), told.handle, keep(call, body))
        return told
    except (Refused, Surprise) as error:
        return Unknown(f"the answer was not understood: {error}"[:200])
    except Exception as error:
        return Unknown(f"the answer was not understood: {type(error).__name__}")
