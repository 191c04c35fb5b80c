"""`payonce payouts` over a test's own database."""

from __future__ import annotations

from payonce.domain.effect import EffectKind
from payonce.usecases.make_payouts import make_payouts
from tests.cli.conftest import Payonce
from tests.support.house import House


def test_payouts_and_what_a_payee_is_owed_are_shown(payonce: Payonce, house: House) -> None:
    """E10: what was paid out to whom, by which number."""
    house.world.kinds.append(EffectKind("pay", "payout.due"))
    for number in range(2):
        order = house.place(f"fee:{number}", payouts=[{"payee": "coach", "amount_minor": 700}])
        house.pay(house.checkout(order))
        house.deliver_owed()
    assert house.run(make_payouts(house.world, "default")).made == 1
    [payout] = payonce("payouts", "list", "--json").json
    assert (payout["payee"], payout["number"], payout["amount_minor"]) == ("coach", 1, 1400)
    assert "14.00 USD" in payonce("payouts", "list", "--payee", "coach").out
    assert payonce("payouts", "list", "--payee", "nobody", "--json").json == []
    assert payonce("payouts", "payee", "coach", "--json").json["balances"][0]["paid_out_minor"] == 1400
    assert "14.00 USD" in payonce("payouts", "payee", "coach").out
    assert payonce("payouts", "payee", "nobody").code != 0
