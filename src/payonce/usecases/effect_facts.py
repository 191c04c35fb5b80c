"""What is to be known beside effects before they are claimed: of a reversal what it may have to undo, of a payout what
it covers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from payonce.base.ids import EFFECT, ORDER, show
from payonce.domain.effect import PAYOUT_DUE, Effect
from payonce.domain.reversing import SURPLUS_DELIVERY, Done, Verdict, to_undo, verdict
from payonce.store import effects as store
from payonce.store.database import Tx
from payonce.store.payouts import PAYOUTS
from payonce.usecases.effect_handlers import Handlers


@dataclass(frozen=True, slots=True)
class Facts:
    """The effects beside those that are claimed, by order."""

    handlers: Handlers
    done: Mapping[UUID, Sequence[Done]] = field(default_factory=dict)
    # By the cause of the effect.
    payouts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def verdict(self, reversal: Effect, is_money_gone: bool) -> Verdict:
        """What becomes of a reversal that is due."""
        kind = self.handlers.kind(reversal.kind)
        if kind is None or kind.undoes is None:
            return "wait", "kind_unknown"
        siblings = [
            done
            for done in self.done.get(reversal.order_id, ())
            if done.effect.kind == kind.name
            and done.effect.id != reversal.id
            and done.effect.occasion != SURPLUS_DELIVERY
        ]
        return verdict(reversal, kind, self._originals(reversal), siblings, is_money_gone=is_money_gone)

    def about(self, effect: Effect) -> Mapping[str, Any]:
        """What its handler is told besides the order."""
        if effect.is_reversal:
            return {"undoes": [_shown(effect, done) for done in self._originals(effect)]}
        return {"payout": self.payouts[effect.cause]} if effect.cause in self.payouts else {}

    def _originals(self, reversal: Effect) -> list[Done]:
        """What it undoes: of a surplus delivery that effect alone, else all of the kind."""
        kind = self.handlers.kind(reversal.kind)
        mine = [d for d in self.done.get(reversal.order_id, ()) if kind is not None and d.effect.kind == kind.undoes]
        if reversal.occasion == SURPLUS_DELIVERY:
            return [done for done in mine if reversal.cause.endswith(f":{done.effect.id.hex}")]
        return mine


async def facts_of(tx: Tx, merchant_id: str, handlers: Handlers, effects: Sequence[Effect]) -> Facts:
    """What is to be known beside the effects; nothing is asked where none is a reversal or a payout."""
    about = [effect.cause for effect in effects if effect.occasion == PAYOUT_DUE]
    payouts = await describe_payouts(tx, merchant_id, about) if about else {}
    reversals = [effect for effect in effects if effect.is_reversal]
    if not reversals:
        return Facts(handlers, {}, payouts)
    names = {effect.kind for effect in reversals}
    undone = {kind.undoes for kind in handlers if kind.name in names and kind.undoes is not None}
    done: dict[UUID, list[Done]] = defaultdict(list)
    for one in await store.of_orders(tx, merchant_id, {effect.order_id for effect in reversals}, names | undone):
        done[one.effect.order_id].append(one)
    return Facts(handlers, done, payouts)


async def describe_payouts(tx: Tx, merchant_id: str, causes: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Payouts as their effects tell of them, by the cause of the effect: `payout:<payee>:<number>`."""
    named = [cause.removeprefix("payout:").rpartition(":") for cause in causes]
    given = {
        "merchant_id": merchant_id,
        "payees": [payee for payee, _, _ in named],
        "numbers": [int(number) for _, _, number in named],
    }
    rows, accruals = await tx.all((PAYOUTS.payouts_by_number, given), (PAYOUTS.accruals_by_number, given))
    return {
        f"payout:{row.payee}:{row.number}": {
            "object": "payout", "payee": row.payee, "number": row.number, "currency": row.currency,
            "amount_minor": row.amount_minor, "gross_minor": row.gross_minor, "carried_minor": row.carried_minor,
            "orders": [
                {"order_id": show(ORDER, one.order_id), "amount_minor": one.paid_minor}
                for one in accruals
                if (one.payee, one.payout_number) == (row.payee, row.number)
            ],
        }
        for row in rows
    }  # fmt: skip


def _shown(reversal: Effect, done: Done) -> dict[str, Any]:
    return {
        "id": show(EFFECT, done.effect.id),
        "key": done.effect.key,
        "kind": done.effect.kind,
        "state": done.effect.state,
        "deliveries": [
            {"try": one.number, "answer": one.answer or "", "at": one.ended_at} for one in to_undo(reversal, done)
        ],
    }
