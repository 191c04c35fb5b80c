"""What was done for money is undone once when the money is gone, and nothing is done again by itself (X16)."""

from __future__ import annotations

import pytest

from payonce.accounts import Simulated
from payonce.base.errors import Refused
from payonce.domain.delivering import Pace
from payonce.domain.effect import Effect, EffectKind
from payonce.engine import Payonce
from payonce.usecases.answers import OrderView
from payonce.usecases.claim_effects import Claim
from payonce.usecases.effect_handlers import Accepted, NotAccepted, OutcomeUnknown
from payonce.usecases.record_deliveries import record_deliveries
from tests.promises.acts import HOUR, MINUTE, findings, intent_of
from tests.promises.words import event, hear
from tests.support.effects import Desk, Died, Receiver
from tests.support.house import INVITE, House

ALL = ("refund", "dispute", "surplus_delivery")
REVOKE = EffectKind("revoke_invite", ALL, undoes="invite", on_unknown="resend")
REVOKE_ASKING = EffectKind("revoke_invite", ALL, undoes="invite", on_unknown="ask")


class Scene:
    """A paid order, who invites, and who revokes."""

    def __init__(self, house: House, *answers: object, revoke: EffectKind = REVOKE, method: str = "") -> None:
        self.house = house
        self.invites, self.revokes = Receiver(*answers), Receiver()  # type: ignore[arg-type]
        self.desk = Desk(house, {INVITE: self.invites, revoke: self.revokes})
        self.order: OrderView = house.place()
        checkout = house.checkout(self.order)
        house.pay(checkout, method or "pm_card_visa")
        house.deliver_owed()
        self.intent = intent_of(house, checkout)

    def refund(self, amount_minor: int | None = None) -> None:
        """Give the money back in the provider's dashboard, and hear of it."""
        self.house.stripe.bank.refund(self.intent, amount_minor)
        self.house.deliver_owed()

    def states(self) -> dict[str, list[str]]:
        """Kind -> the states of its effects."""
        found: dict[str, list[str]] = {}
        for effect in self.desk.effects():
            found.setdefault(effect.kind, []).append(effect.state)
        return found

    def work(self, rounds: int = 3) -> None:
        """Deliver whatever is due, some rounds long."""
        for _ in range(rounds):
            self.desk.deliver()
            self.house.clock.move(MINUTE)


def test_a_whole_refund_revokes_what_was_paid_for_once(house: House) -> None:
    """X16: access does not stay after a refund, and the handler is told what it undoes."""
    scene = Scene(house, Accepted("inv_17"))
    scene.work()
    scene.refund(1500)
    scene.work()
    assert (len(scene.invites.calls), len(scene.revokes.calls)) == (1, 0)
    scene.refund(3000)
    scene.work()
    [call] = scene.revokes.calls
    [undone] = call.about["undoes"]
    assert (undone["kind"], undone["state"]) == ("invite", "done")
    assert [(one["try"], one["answer"]) for one in undone["deliveries"]] == [(1, "inv_17")]
    assert call.occasion == "reversal.refund"
    assert house.see(scene.order).counters.fulfilled == 1
    assert scene.states() == {"invite": ["done"], "revoke_invite": ["done"]}


def test_what_nobody_has_begun_is_held_and_nothing_revoked(house: House) -> None:
    """X16: money that is gone before the invitation went out holds it, and there is nothing to undo."""
    scene = Scene(house)
    scene.refund()
    scene.work()
    assert (scene.invites.calls, scene.revokes.calls) == ([], [])
    assert scene.states() == {"invite": ["held"], "revoke_invite": ["suppressed"]}
    assert house.rows("SELECT reason FROM effects WHERE kind = 'revoke_invite'") == [("nothing_to_undo",)]
    assert findings(house) == ["held_effect"]


def test_what_the_receiver_clearly_refused_is_not_revoked(house: House) -> None:
    scene = Scene(house, NotAccepted("503"))
    scene.desk.deliver()
    scene.refund()
    scene.work()
    assert (len(scene.invites.calls), scene.revokes.calls) == (1, [])
    assert scene.states() == {"invite": ["held"], "revoke_invite": ["suppressed"]}


def test_what_nobody_knows_is_revoked_where_that_is_harmless(house: House) -> None:
    """X16: an invitation that may have gone out is revoked at a receiver which knows repetitions by our key."""
    scene = Scene(house, OutcomeUnknown("no answer"))
    scene.desk.deliver()
    scene.refund()
    scene.work()
    [call] = scene.revokes.calls
    assert call.about["undoes"][0]["state"] == "unknown"
    assert scene.states() == {"invite": ["unknown"], "revoke_invite": ["done"]}


def test_what_nobody_knows_is_left_to_a_person_otherwise(house: House) -> None:
    scene = Scene(house, OutcomeUnknown("no answer"), revoke=REVOKE_ASKING)
    scene.desk.deliver()
    scene.refund()
    scene.work()
    assert (scene.revokes.calls, scene.states()["revoke_invite"]) == ([], ["held"])
    assert findings(house) == ["held_effect", "unknown_effect"]
    [held] = [effect for effect in scene.desk.effects() if effect.kind == "revoke_invite"]
    scene.desk.retry(held, "the receiver says that it was invited")
    scene.work()
    assert len(scene.revokes.calls) == 1


def test_an_invitation_that_is_on_its_way_is_revoked_after_it_arrived(house: House) -> None:
    """X16: the reversal never overtakes what it undoes."""
    scene = Scene(house, Died())
    scene.desk.die_delivering()
    scene.refund()
    scene.desk.deliver()
    assert (scene.revokes.calls, scene.states()["revoke_invite"]) == ([], ["pending"])
    house.clock.move(2 * MINUTE)
    scene.work()
    assert (len(scene.revokes.calls), scene.states()["invite"]) == (1, ["unknown"])


@pytest.mark.parametrize("end", ["lost", "won"])
def test_a_dispute_revokes_once_whatever_its_end(house: House, end: str) -> None:
    """X16: opened it revokes, lost nothing more follows, won a person decides whether to grant it again."""
    scene = Scene(house)
    scene.work()
    dispute = house.stripe.bank.open_dispute(scene.intent)
    house.deliver_owed()
    scene.work()
    assert len(scene.revokes.calls) == 1
    house.stripe.bank.close_dispute(dispute, end)
    house.deliver_owed()
    scene.work()
    assert (len(scene.invites.calls), len(scene.revokes.calls)) == (1, 1)
    assert findings(house) == ([] if end == "lost" else ["money_came_back"])


def test_a_refund_that_fails_later_is_found_and_invites_nobody_again(house: House) -> None:
    """X16: after the refund failed a person decides; a new invitation goes out by a person's act alone."""
    scene = Scene(house, method="pm_card_refundFail")
    scene.work()
    scene.refund()
    scene.work()
    assert len(scene.revokes.calls) == 1
    house.clock.move(2 * HOUR)
    house.stripe.books.catch_up()
    house.deliver_owed()
    scene.work()
    assert (len(scene.invites.calls), len(scene.revokes.calls)) == (1, 1)
    assert findings(house) == ["money_came_back"]


def test_of_nine_deliveries_the_surplus_ones_are_reported_with_one_reversal(house: House) -> None:
    """X16: eight surplus invitations do not stay valid, and the first one does."""
    scene = Scene(house, *[OutcomeUnknown("no answer")] * 9)
    claimed = []
    for number in range(9):
        scene.desk.deliver()
        [effect] = [one for one in scene.desk.effects() if one.kind == "invite"]
        claimed.append(effect)
        if number < 8:
            scene.desk.retry(effect, "the receiver says that it has nothing")
    _answer_late(scene, claimed)
    scene.work()
    [call] = scene.revokes.calls
    assert call.occasion == "reversal.surplus_delivery"
    [undone] = call.about["undoes"]
    assert [one["answer"] for one in undone["deliveries"]] == [f"inv_{number}" for number in range(2, 10)]
    assert findings(house) == ["repeated_effect"]
    assert house.see(scene.order).state == "paid"


def _answer_late(scene: Scene, claimed: list[Effect]) -> None:
    """The receiver took each try after all, and says so now."""
    house = scene.house
    for effect in reversed(claimed):
        claim, answer = Claim(effect, house.clock.now()), Accepted(f"inv_{effect.tries}")
        house.run(record_deliveries(house.world, "default", scene.desk.handlers, [(claim, answer)], Pace()))


def test_a_person_who_wants_it_done_again_gets_it_and_nothing_is_revoked(house: House) -> None:
    scene = Scene(house)
    scene.work()
    [effect] = [one for one in scene.desk.effects() if one.kind == "invite"]
    scene.desk.retry(effect, "the payer lost the mail")
    scene.work()
    assert (len(scene.invites.calls), scene.revokes.calls) == (2, [])


def test_a_payment_that_is_disputed_and_refunded_as_well_is_undone_once(house: House) -> None:
    """X16: what another cause undid already is not undone a second time."""
    scene = Scene(house)
    scene.work()
    dispute = house.stripe.bank.open_dispute(scene.intent)
    house.deliver_owed()
    scene.work()
    house.stripe.bank.close_dispute(dispute, "won")
    house.deliver_owed()
    back = {"id": "re_1", "object": "refund", "status": "succeeded", "amount": 4500, "currency": "usd"}
    hear(house, event("refund.created", back | {"payment_intent": scene.intent, "charge": None, "metadata": {}}, house))
    scene.work()
    assert len(scene.revokes.calls) == 1
    assert scene.states()["revoke_invite"] == ["done", "suppressed"]
    assert findings(house) == []


def test_an_engine_declares_a_reversal_of_what_it_declared_before() -> None:
    """X16: a reversal names the effect that it undoes, and is refused where there is none."""
    engine = Payonce("postgresql://nowhere.invalid/x", providers=[Simulated()])
    with pytest.raises(Refused) as refused:
        engine.effect("revoke_invite", undoes="invite")
    assert refused.value.code == "reversal_invalid"
    engine.effect("invite", on="order.paid")(lambda effect: None)
    engine.effect("revoke_invite", undoes="invite", on_unknown="resend")(lambda effect: None)
    engine.effect("note_refund", undoes="invite", on="refund")(lambda effect: None)
    assert [kind.on for kind in engine.kinds] == ["order.paid", ALL, ("refund",)]
    with pytest.raises(Refused):
        engine.effect("invite_again", undoes="revoke_invite")
