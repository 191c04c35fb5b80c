"""What others get of the money over REST: placed with the order, and shown."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.domain.effect import EffectKind
from payonce.usecases.make_payouts import make_payouts
from tests.api.conftest import OpenSite
from tests.support.house import INVITE
from tests.support.site import Site, order_body

PAY = EffectKind("pay", "payout.due")
COACH = {"payee": "coach 3", "amount_minor": 700}


def paid_out(open_site: OpenSite) -> tuple[Site, dict[str, Any]]:
    """A paid order, a part of which was paid out."""
    site = open_site({"kinds": (INVITE, PAY)})
    order = site.place(payouts=[COACH])
    site.open_link(order)
    site.pay(order)
    site.deliver()
    assert site.house.run(make_payouts(site.house.world, "default")).made == 1
    return site, order


def test_an_order_says_what_others_get_of_it(site: Site) -> None:
    order = site.place(payouts=[COACH])
    expected = [{**COACH, "state": None, "held_because": None, "left_minor": 700, "payout_number": None}]
    assert (order["payouts"], site.see(order)["payouts"]) == (expected, expected)
    assert site.place(payouts=[COACH])["existing"] is True


def test_payouts_and_payees_are_shown(open_site: OpenSite) -> None:
    """E10: one payout, with its number and what it is made of."""
    site, order = paid_out(open_site)
    [payout] = site.api("GET", "/payouts").json()["data"]
    assert payout["id"].startswith("pay_") and payout["order_id"] == order["id"]
    told = {name: payout[name] for name in ("payee", "number", "currency", "amount_minor", "carried_minor", "effects")}
    assert told == {
        "payee": "coach 3", "number": 1, "currency": "USD", "amount_minor": 700, "carried_minor": 0,
        "effects": ["pay pending"],
    }  # fmt: skip
    assert site.api("GET", "/payouts?payee=nobody").json()["data"] == []
    assert site.api("GET", f"/payouts?starting_after={payout['id']}").json()["data"] == []
    assert site.api("GET", "/payees/coach%203").json() == {
        "object": "payee", "payee": "coach 3",
        "balances": [{"currency": "USD", "accrued_minor": 0, "held_minor": 0, "reversed_minor": 0,
                      "paid_out_minor": 700, "carried_minor": 0}],
    }  # fmt: skip
    assert site.see(order)["payouts"][0]["state"] == "paid_out"
    assert site.api("GET", "/payees/nobody").json()["code"] == "payee_unknown"


def test_a_payer_is_told_nothing_of_what_others_get(open_site: OpenSite) -> None:
    site, order = paid_out(open_site)
    shown = site.ask("GET", order["status_url"]).text
    assert "coach" not in shown and "payout" not in shown
    status = site.api("GET", f"/orders/{order['id']}/status").json()
    assert [effect["kind"] for effect in status["effects"]] == ["invite"]


@pytest.mark.parametrize(
    ("payouts", "param"),
    [
        ([{"payee": "coach", "amount_minor": 0}], "payouts.0.amount_minor"),
        ([{"payee": "coach", "amount_minor": "7"}], "payouts.0.amount_minor"),
        ([{"payee": "", "amount_minor": 7}], "payouts.0.payee"),
        ([{"payee": "coach", "amount_minor": 7, "currency": "USD"}], "payouts.0.currency"),
        ([{"payee": f"payee {number}", "amount_minor": 1} for number in range(51)], "payouts"),
        ([{"payee": "coach", "amount_minor": 4501}], "payouts"),
        ([COACH, COACH], "payouts"),
    ],
)
def test_shares_that_cannot_be_are_refused_and_nothing_is_placed(site: Site, payouts: Any, param: str) -> None:
    answer = site.api("POST", "/orders", order_body(payouts=payouts))
    assert (answer.status_code, answer.json()["param"]) == (422, param)
    assert site.house.rows("SELECT count(*) FROM orders") == [(0,)]
