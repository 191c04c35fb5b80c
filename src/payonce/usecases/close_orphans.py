"""Close orphans: objects that carry our marks, that nobody wants paid, and that can be paid all the same (B7, C23).

A list shows them: the object of an attempt that ended, or a second one beside the object that the attempt is paid by.
They are closed at the provider, and what it says is joined, so that money which came first is posted. An attempt whose
own object is not known yet is left to resolving; nothing here can create a payment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from payonce.domain.finding import Finding
from payonce.domain.observation import Observation, PaymentSeen
from payonce.providers.contract import Done
from payonce.providers.gateway import ProviderLooker
from payonce.store.database import Tx
from payonce.store.findings import resolve_findings, write_findings
from payonce.usecases.receive import take_in
from payonce.usecases.tell import Told
from payonce.usecases.world import World

if TYPE_CHECKING:
    from payonce.usecases.take_listed import Facts

PAYABLE = ("open", "action", "asks_again")


class Orphan(NamedTuple):
    """An object that can be paid and shall not be, and the attempt that it belongs to."""

    observation: Observation
    attempt: Any


def orphans_of(looker: ProviderLooker, observations: Sequence[Observation], facts: Facts) -> list[Orphan]:
    """What is an orphan among objects of a list, as far as its provider can close."""
    if not looker.capabilities.can_close:
        return []
    owned = [(one, facts.owner_of(one)) for one in observations]
    return [Orphan(one, attempt) for one, attempt in owned if attempt is not None and is_orphan(one, attempt)]


def is_orphan(observation: Observation, attempt: Any) -> bool:
    """Whether the object can be paid and shall not be. What is inside of a live attempt's page is no orphan."""
    seen = observation.seen
    if not isinstance(seen, PaymentSeen) or seen.captured_minor > 0 or seen.status not in PAYABLE:
        return False
    if attempt.state in ("failed", "closed"):
        return True
    is_its_own = attempt.handle_ref is None or (seen.ref.kind, seen.ref.id) == (attempt.handle_kind, attempt.handle_ref)
    return attempt.state in ("open", "pending", "paid") and seen.ref.kind == attempt.handle_kind and not is_its_own


async def close_orphan(world: World, merchant_id: str, looker: ProviderLooker, found: Orphan, actor: str) -> bool:
    """Close one, join what its provider says of it then, and tell a person where it stays payable. True: it is not."""
    orphan, attempt = found
    ref = orphan.seen.ref
    outcome = await looker.close(ref, attempt.attempt_id)
    if not isinstance(outcome, Done):
        # A refusal is read, because it may be paid or processing by now.
        outcome = await looker.read(ref)
    seen = outcome.observations if isinstance(outcome, Done) else ()
    if isinstance(outcome, Done) and outcome.body:
        said = looker.again(outcome.body, "poll")
        digest = hashlib.sha256(outcome.body).digest()
        told = Told(world.ids.new(), looker.provider, looker.account, "poll", said, outcome.body, digest)
        await take_in(world, merchant_id, [told], actor)
    stays = not seen or any(isinstance(one.seen, PaymentSeen) and one.seen.status in PAYABLE for one in seen)
    about, finding_id = f"{looker.provider}:{looker.account}:{ref.kind}:{ref.id}", world.ids.new()

    async def note(tx: Tx) -> None:
        if not stays:
            resolve_findings(tx, merchant_id, {f"orphaned_payment:{about}"}, "it cannot be paid any more")
            return
        amount, currency = getattr(orphan.seen, "amount_minor", None) or 0, orphan.seen.currency
        detail = {"attempt": attempt.attempt_id.hex, "attempt_state": attempt.state, "object": ref.id}
        finding = Finding(finding_id, "orphaned_payment", about, attempt.order_id, amount, currency, detail)
        write_findings(tx, merchant_id, [finding])

    await world.database.transaction(note, name="note_orphan")
    return not stays
