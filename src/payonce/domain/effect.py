"""An effect: something owed to the outside because of a state change. Its states, and which kinds there are.

*Fulfilment* is what the payer paid for (the outgoing `order.paid` included); *notification* only tells. What follows a
crash between claim and answer is declared by the kind, because only its author knows the receiver: `resend` (the
receiver honours our key), `verify` (asking can only ever mark it done), `ask` (a person decides).

A kind that names what it undoes is a *reversal*: owed when the order's money is gone, or when what it undoes was done
more than once (X16). It is fulfilment, because a surplus invitation that stays valid is as wrong as a missing one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain.arrow import Arrow, Machine

STATES: Final = ("pending", "claimed", "done", "failed", "unknown", "suppressed", "held", "dead")
EVENTS: Final = (
    "claimed", "accepted", "refused", "gave_up", "lost", "lost_resend", "proven", "hold", "suppress", "needless",
    "retry", "skip", "said_done",
)  # fmt: skip

MACHINE: Final = Machine(
    "effect",
    STATES,
    EVENTS,
    (
        Arrow("pending", "claimed", "claimed", "a worker holds its lease and may call out after the commit"),
        Arrow("failed", "claimed", "claimed", "its next try is due"),
        Arrow("claimed", "accepted", "done", "the receiver accepted it"),
        Arrow("claimed", "refused", "failed", "the receiver refused it for now; it is tried again"),
        Arrow("claimed", "gave_up", "dead", "the last try failed"),
        # The worker died, or the answer is not known.
        Arrow(
            "claimed", "lost_resend", "failed", "not known whether it arrived; the receiver honours our key, so again"
        ),
        Arrow("claimed", "lost", "unknown", "not known whether it arrived, and sending again could repeat it"),
        # That a try was accepted stays true however late its worker says so, like money that was received.
        Arrow("unknown", "proven", "done", "asking the receiver, or a late answer, showed that it was done"),
        Arrow("failed", "proven", "done", "a late answer of its last try showed that it was done"),
        Arrow("pending", "proven", "done", "a late answer of its last try showed that it was done"),
        Arrow("held", "proven", "done", "a late answer of its last try showed that it was done"),
        Arrow("dead", "proven", "done", "a late answer of its last try showed that it was done"),
        Arrow("pending", "hold", "held", "the order's money is gone, or nobody knows what there is to undo"),
        Arrow("failed", "hold", "held", "the order's money is gone, or nobody knows what there is to undo"),
        Arrow("pending", "suppress", "suppressed", "a notification that is too old, or tells what is not so any more"),
        Arrow("failed", "suppress", "suppressed", "a notification that became too old while it was tried"),
        Arrow("pending", "needless", "suppressed", "a reversal with nothing to undo, or whose cause is gone"),
        Arrow("failed", "needless", "suppressed", "a reversal with nothing to undo any more"),
        Arrow("claimed", "suppress", "suppressed", "a notification that nobody is there to receive"),
        # Acts of a person, each with a reason.
        Arrow("unknown", "retry", "pending", "a person says that it was not done"),
        Arrow("dead", "retry", "pending", "a person mended the receiver"),
        Arrow("held", "retry", "pending", "a person says that it shall be done all the same"),
        Arrow("done", "retry", "pending", "a person asks for it again; the key stays the same"),
        Arrow("failed", "retry", "pending", "a person asks for the next try now"),
        Arrow("unknown", "said_done", "done", "a person asked the receiver: it was done"),
        Arrow("dead", "said_done", "done", "a person did it by other means"),
        Arrow("held", "said_done", "done", "a person did it by other means"),
        Arrow("unknown", "skip", "suppressed", "a person says that it is not needed"),
        Arrow("dead", "skip", "suppressed", "a person says that it is not needed"),
        Arrow("held", "skip", "suppressed", "a person says that it is not needed"),
    ),
)

OnUnknown = Literal["resend", "verify", "ask"]
Purpose = Literal["fulfilment", "notification"]

# What can be owed for. The first list is told to outgoing endpoints by these names as well.
OCCASIONS: Final = (
    "order.paid", "order.closed", "order.late_payment", "payment.surplus", "refund.done", "refund.failed",
    "dispute.opened", "dispute.closed", "payout.due",
)  # fmt: skip
# What somebody else than the payer gets; one order may owe it for several payees.
PAYOUT_DUE: Final = "payout.due"
# Why something that was done is undone. A reversal is owed on the occasion of this name.
REVERSAL: Final = "reversal."
REVERSED_ON: Final = ("refund", "dispute", "surplus_delivery")


@dataclass(frozen=True, slots=True)
class EffectKind:
    """What is owed (`name`), on which occasion, of which nature, and what follows when its outcome is not known.

    A reversal says which kind it `undoes`, and names in `on` one or more of `REVERSED_ON`.
    """

    name: str
    on: str | tuple[str, ...]
    nature: Purpose = "fulfilment"
    on_unknown: OnUnknown = "ask"
    transactional: bool = False
    # Doubling from five seconds to six hours, sixteen tries take most of a day: a receiver may be down overnight.
    tries: int = 16
    undoes: str | None = None

    def __post_init__(self) -> None:
        known, named = (OCCASIONS, (self.on,)) if self.undoes is None else (REVERSED_ON, self.on)
        if isinstance(named, str) or not named or any(one not in known for one in named):
            raise Refused(
                f"{self.on!r} is no occasion for {'an effect' if self.undoes is None else 'a reversal'}; there are "
                f"{', '.join(known)}", code="occasion_unknown", param="on",
            )  # fmt: skip
        if self.undoes is not None and (self.undoes == self.name or self.nature != "fulfilment"):
            raise Refused(
                "a reversal undoes another effect, and is never a mere notification", code="reversal_invalid",
                param="undoes",
            )  # fmt: skip
        if not self.name or ":" in self.name:
            raise Refused("an effect needs a name without a colon", code="effect_name_invalid", param="name")
        if self.tries < 1:
            raise Refused("an effect is tried at least once", code="effect_tries_invalid", param="tries")

    def is_owed_on(self, occasion: str) -> bool:
        """Whether the occasion owes it."""
        if self.undoes is None:
            return occasion == self.on
        return occasion.startswith(REVERSAL) and occasion.removeprefix(REVERSAL) in self.on


@dataclass(slots=True)
class Effect:
    """A working copy of an effect's row, locked. `tries` counts what was begun; `fence` rises with every claim."""

    id: UUID
    key: str
    kind: str
    occasion: str
    nature: Purpose
    order_id: UUID
    state: str
    reason: str | None
    tries: int
    fence: int
    due_at: datetime | None
    lease_until: datetime | None
    owed_at: datetime
    done_at: datetime | None
    # When what it tells of happened at the provider, where that is not when it was owed.
    happened_at: datetime | None = None
    # The run of a job that owed it, and what that followed from: both go with every message (A20).
    run_id: UUID | None = None
    caused_by: str = ""

    @property
    def cause(self) -> str:
        """What the effect is owed because of: the middle of its key, which is order, cause, kind."""
        return self.key.removeprefix(f"{self.order_id.hex}:").removesuffix(f":{self.kind}")

    @property
    def is_reversal(self) -> bool:
        """Whether it undoes another effect."""
        return self.occasion.startswith(REVERSAL)
