"""What a payer wishes who pays another way: the form's fields, and what it means when the wish was not granted.

Nothing is left without the payer's express word, and what could not be left is as it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request

from payonce.api.calls import call_of
from payonce.api.edge import Edge
from payonce.api.words import label_of, name_of
from payonce.base.errors import Conflict, PayonceError, Refused, Unavailable
from payonce.usecases.answers import Checkout, CheckoutAnswer, OrderView, Silent
from payonce.usecases.ensure_checkout import Click
from payonce.usecases.ways_to_pay import left_behind, live_attempt, other_ways

MOST_FIELDS: Final = 20
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,6}")


@dataclass(frozen=True, slots=True)
class Choice:
    """The other ways that a page offers. `leave`: the number of the attempt that its payer must expressly leave first,
    which goes through `begun`; None: the choice alone is enough.
    """

    ways: list[tuple[str, str]]
    leave: int | None = None
    begun: str = ""


def choice_of(edge: Edge, order: OrderView) -> Choice | None:
    """What the order's payer may choose; None where there is nothing to choose."""
    ways, live = other_ways(edge.world, order), live_attempt(order)
    if not ways:
        return None
    offered = [(f"{way.provider}/{way.account}", label_of(way, ways)) for way in ways]
    if live is None or not live.can_leave:
        return Choice(offered)
    return Choice(offered, live.number, name_of(live.provider))


def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each as it was said last."""
    try:
        fields = parse_qs(call_of(request).body.decode("utf-8", "replace"), max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refused("this form has too many fields", code="form_invalid") from None
    return {name: values[-1] for name, values in fields.items()}


def only_leaves(form: dict[str, str]) -> bool:
    """Whether the form says that nothing was sent, and names no other way to pay."""
    return bool(form.get("leave")) and not form.get("way")


def wish_of(
    edge: Edge, merchant_id: str, form: dict[str, str], *, with_flow: bool = False, may_only_leave: bool = False
) -> Click:
    """The wish: `way` is `provider/account`, `leave` the number of the attempt that the payer leaves. `may_only_leave`:
    the order is closed and nothing else can be chosen.

    Raises Refused `way_unknown`, `leave_invalid`.
    """
    way, leave = form.get("way", ""), form.get("leave", "")
    if leave and not _NUMBER.fullmatch(leave):
        raise Refused("leave names an attempt by its number", code="leave_invalid", param="leave")
    if not way:
        if leave and may_only_leave:
            return Click(leave_attempt=int(leave))
        if leave:
            raise Refused("say how you want to pay instead", code="way_unknown", param="way")
        return Click()
    provider, _, rest = way.partition("/")
    account, _, flow = rest.partition("/")
    is_known = (provider, account) in edge.world.accounts_of(merchant_id)
    if not is_known or (flow and not with_flow):
        raise Refused("there is no such way to pay here", code="way_unknown", param="way")
    return Click(provider, account, flow or None, leave_attempt=int(leave) if leave else None)


def not_granted(wish: Click, answer: CheckoutAnswer, order: OrderView | None) -> PayonceError | None:
    """Why the payer is not led where it was wished, with what was begun before unchanged; None where it was granted.

    `order` as it stands after the answer; it is needed only where the provider was silent.
    """
    if wish.provider is None and wish.leave_attempt is None:
        return None
    if isinstance(answer, Checkout) and (answer.provider, answer.account) != (wish.provider, wish.account):
        return Conflict(
            f"the payment was begun through {name_of(answer.provider)}, which cannot cancel it", code="not_left",
            hint="Send `leave` with the number of the attempt once the payer says that nothing was sent.",
            detail=_told(answer.number),
        )  # fmt: skip
    live = live_attempt(order) if order is not None else None
    if isinstance(answer, Silent) and live is not None and live.number == wish.leave_attempt:
        return Unavailable(
            f"{name_of(live.provider)} does not say whether something was sent, so nothing was changed",
            code="leave_unanswered", retry_after_seconds=answer.retry_after_seconds, detail=_told(live.number),
        )  # fmt: skip
    return None


@dataclass(frozen=True, slots=True)
class Leftover:
    """What stays payable of an order that is closed for good: whose it is, and its attempt's number."""

    name: str
    number: int


def leftover_of(order: OrderView) -> Leftover | None:
    """What its payer may say of a closed order: that nothing was sent. None where nothing of it can be paid."""
    behind = left_behind(order)
    return Leftover(name_of(behind.provider), behind.number) if behind is not None else None


def _told(number: int) -> dict[str, Any]:
    return {"attempt": number}
