"""The witness: whether what somebody was just answered is true, by our own rows and by the provider's books.

An answer is what people act on, so a wrong one is a broken promise even where everything is mended later.
"""

from __future__ import annotations

from typing import Final

from payonce.providers.simulator.stripe.checkout_session import CheckoutSession
from payonce.providers.simulator.stripe.payment_intent import PaymentIntent
from payonce.simulation.hosts import BEGINNING
from payonce.simulation.provider import ATTEMPT_MARK
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
        if answer.attempt_id not in story.attempt_ids:
            story.attempt_ids.append(answer.attempt_id)
        _check_recorded(scene, who, answer)
        _check_alive(scene, actor, answer)
    elif isinstance(answer, AlreadyPaid):
        if not _captured(scene, story):
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
    books, ref = scene.provider.stripe.books, page.provider_ref or ""
    found = books.sessions.get(ref) or books.intents.get(ref)
    if found is None:
        scene.break_promise("L6", actor.key, f"the page {ref} is not the provider's")
    elif _has_ended(scene, found) and scene.faults.counts["T2"] == 0:
        ended = max(event.created for event in books.events.values() if event.object.get("id") == ref)
        dead = BEGINNING.timestamp() + actor.ended / MICRO - ended
        if dead > GRACE_SECONDS:
            scene.break_promise("L6", actor.key, f"the page {ref} was given out, and had ended {dead:.0f} s before")


def _has_ended(scene: Scene, found: PaymentIntent | CheckoutSession) -> bool:
    """Whether nobody can pay it any more, although nothing was paid: closed, or complete with a debit that failed."""
    if isinstance(found, CheckoutSession) and found.status == "complete":
        intent = scene.provider.stripe.books.intents.get(found.payment_intent or "")
        return intent is not None and intent.status == "requires_payment_method"
    return found.status in ("expired", "canceled")


def _check_reason(scene: Scene, story: Story, who: str, answer: InProgress) -> None:
    """L6: who is told to wait is told why, and it is so."""
    if answer.reason == "processing" and not _was_processing(scene, story):
        scene.break_promise("L6", who, "the payer was told to wait for a payment, and there is none at the provider")
    if answer.reason == "payment_under_review" and not _captured(scene, story):
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


def _captured(scene: Scene, story: Story) -> bool:
    """Whether the provider ever took money for the story."""
    return bool(scene.provider.captured_of(story.key))


def _was_processing(scene: Scene, story: Story) -> bool:
    """Whether a payment of the story was ever on its way: its end may be known to the provider and not yet to us."""
    for event in scene.provider.stripe.books.events.values():
        if event.type == "payment_intent.processing" and _is_of(scene, story, event.object.get("metadata") or {}):
            return True
    return False


def _is_of(scene: Scene, story: Story, metadata: dict[str, str]) -> bool:
    return scene.provider.story_of_text(metadata.get(ATTEMPT_MARK, "")) == story.key
