"""What must hold at every moment: the invariants over our tables, asked between transactions, and S6 at the provider.

The queries are those of `payonce prove`. A counterexample is a violation with its number; nothing is mended here.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from payonce.domain.invariants import INVARIANTS, written_arrows
from payonce.simulation.receiver import FULFILMENTS
from payonce.simulation.scene import CHECKS, Scene
from payonce.store.database import Call
from payonce.usecases.prove import QUERIES

MOST_SHOWN: Final = 5


def check_tables(scene: Scene) -> None:
    """Ask every invariant that our tables can answer."""
    asked = [(invariant.id, name) for invariant in INVARIANTS for name in invariant.queries]
    replies = scene.line.ask(*(_call(name, scene.merchant_id) for _, name in asked))
    for (promise, name), reply in zip(asked, replies, strict=True):
        for row in reply.rows:
            if promise == "S7" and is_excepted_from_s7(scene, row.ref):
                continue
            scene.break_promise(promise, f"{name} {row.ref}", row.detail)
    scene.scheduler.note("checked")


def check_payable(scene: Scene, story: str | None = None) -> None:
    """S6 gross: of a purpose, one object at the provider at most is payable, processing or captured; but see below.

    Excepted are what somebody made by hand, with the purpose that he meddled in, and objects of attempts that were once
    abandoned: those were never disclosed to anybody, or left at a provider that cannot cancel them; and what was paid
    there after its order was cancelled.
    """
    for whose in scene.stories if story is None else [story]:
        if not scene.providers.is_meddled(whose):
            found = scene.providers.able_to_bring_money(whose)
            if len(found) > 1:
                _check_abandoned(scene, whose, found)


def is_excepted_from_s7(scene: Scene, ref: str) -> bool:
    """S7 compares times of two hosts, which says nothing when one's clock has jumped, nor of what was made by hand."""
    story = scene.made.get(UUID(ref.partition(":")[2]))
    return bool(scene.faults.counts["T2"]) or scene.providers.is_meddled(story)


def _check_abandoned(scene: Scene, story: str, found: list[tuple[str, UUID | None]]) -> None:
    [reply] = scene.line.ask((CHECKS["attempts"], {"merchant_id": scene.merchant_id}))
    known = {row.attempt_id: row for row in reply.rows}
    counted = [(object_id, known.get(attempt_id)) for object_id, attempt_id in found]
    alive = [
        (object_id, row.number if row is not None else 0, row.state if row is not None else "unknown")
        for object_id, row in counted
        if row is None or not (row.was_abandoned or _came_late(scene, row))
    ]
    if len(alive) > 1:
        scene.break_promise("S6", story, f"{len(alive)} objects may bring money: {alive}")


def _came_late(scene: Scene, row: Any) -> bool:
    """Whether an attempt that was not wanted any more was paid at a provider that cannot cancel: it is so no more, and
    its money is held.
    """
    is_unwanted = row.state == "paid" and row.close_because is not None
    return is_unwanted and not scene.providers.of(row.provider).can_cancel


def _call(name: str, merchant_id: str) -> Call:
    query = QUERIES[name]
    params: dict[str, Any] = {"merchant_id": merchant_id, "since": None, "limit": MOST_SHOWN}
    if "%(subjects)s" in query.sql:
        subjects, sources, events, targets = zip(*written_arrows(), strict=True)
        params |= {"subjects": [*subjects], "sources": [*sources], "events": [*events], "targets": [*targets]}
    if "%(kinds)s" in query.sql:
        params["kinds"] = sorted(FULFILMENTS)
    return query, params
