"""The witness: whether what somebody was just answered is true, by our own rows and by the provider's books.

An answer is what people act on, so a wrong one is a broken promise even where everything is mended later.
"""

from __future__ import annotations

from typing import Final

from payonce.simulation.hosts import BEGINNING
from payonce.simulation.scene import Scene, Story
from payonce.simulation.scheduler import MICRO, Actor
from payonce.simulation.truth import rows
from payonce.usecases.answers import AlreadyPaid, Checkout, CheckoutAnswer, Gone, InProgress

# Between our look at the provider and the payer's there may be another click, a cancellation, the end of a session.
GRACE_SECONDS: Final = 60.0


def witness_click(scene: Scene, story: Story, actor: Actor, answer: CheckoutAnswer) -> None:
    """Note what a click was answered, and see whether it is so."""
    who = actor.key
    reason = getattr(answer, "outcome", None) or getattr(answer, "reason", None) or getattr(answer, "code", "")
    scene.counts[f"{type(answer).__name__}.{reason}"] += 1
    if isinstance(answer, Checkout):
        scene.counts[f"page of {answer.provider}.{answer.flow}"] += 1
        if answer.attempt_id not in story.attempt_ids:
            story.attempt_ids.append(answer.attempt_id)
        scene.providers.around.disclosed.add(answer.attempt_id)
        _check_recorded(scene, who, answer)
        _check_alive(scene, actor, answer)
    elif isinstance(answer, AlreadyPaid):
        if not scene.providers.captured_of(story.key):
            scene.break_promise("S2", who, "the payer was told that it is paid, and the provider took nothing")
    elif isinstance(answer, InProgress):
        _check_reason(scene, story, who, answer)
    elif isinstance(answer, Gone):
        _check_gone(scene, story, who, answer)


def _check_recorded(scene: Scene, who: str, page: Checkout) -> None:
    """S12: what was handed out is recorded by then."""
    row = next(iter(rows(scene, "disclosed", attempt_id=page.attempt_id)), None)
    if row is None or row.handle_ref != page.provider_ref or row.disclosed_at is None:
        scene.break_promise("S12", who, f"a page of the attempt {page.attempt_id} was given out unrecorded")


def _check_alive(scene: Scene, actor: Actor, page: Checkout) -> None:
    """L6: what was handed out can be paid, or was a moment ago."""
    ref = page.provider_ref or ""
    try:
        ended = scene.providers.of(page.provider).ended(ref)
    except KeyError:
        scene.break_promise("L6", actor.key, f"the page {ref} is not the provider's")
        return
    if ended is not None and scene.faults.counts["T2"] == 0:
        dead = BEGINNING.timestamp() + actor.ended / MICRO - ended
        if dead > GRACE_SECONDS:
            scene.break_promise("L6", actor.key, f"the page {ref} was given out, and had ended {dead:.0f} s before")


def _check_reason(scene: Scene, story: Story, who: str, answer: InProgress) -> None:
    """L6: who is told to wait is told why, and it is so."""
    if answer.reason == "processing" and not scene.providers.was_processing(story.key):
        scene.break_promise("L6", who, "the payer was told to wait for a payment, and there is none at the provider")
    if answer.reason == "payment_under_review" and not scene.providers.captured_of(story.key):
        scene.break_promise("L6", who, "the payer was told of a payment under review, and the provider took nothing")
    if answer.reason == "closing_predecessor":
        orders = rows(scene, "orders_of_purpose", purpose=story.purpose)
        if all(row.state == "open" for row in orders):
            scene.break_promise("L6", who, "the payer was told of a predecessor, and there is none")


def _check_gone(scene: Scene, story: Story, who: str, answer: Gone) -> None:
    """L6: nobody is sent away from an order of his own that can be paid."""
    for row in rows(scene, "orders_of_purpose", purpose=story.purpose):
        is_his = row.order_id == answer.order_id and row.payer_reference == story.payer
        if is_his and row.state == "open" and row.close_because is None:
            scene.break_promise("L6", who, f"the payer was told that it is gone ({answer.reason}), and it is open")
