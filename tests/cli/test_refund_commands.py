"""`payonce refunds`: shown before it is done, with the agreed exit codes."""

from __future__ import annotations

from payonce.base import ids
from tests.cli.conftest import Payonce
from tests.promises.acts import DAY, HOUR, spoil
from tests.promises.money_back import go_on, gone, paid, paid_twice, refund_ids, states
from tests.support.house import House


def due_now(house: House) -> None:
    """Commands tell the machine's time and the house its own: what they made due is due for the house as well."""
    house.rows("UPDATE refunds SET due_at = %s WHERE state = 'due' RETURNING 1", house.clock.now())


def test_a_refund_is_shown_first_and_done_when_it_is_confirmed(payonce: Payonce, house: House) -> None:
    """X6: a person's refund: dry-run first, then with a reason."""
    order, name = paid(house)
    shown = payonce("refunds", "ask", order.reference, "--amount-minor", "1500", "--reason", "broken")
    assert (shown.code, states(house)) == (5, [])
    assert f"15.00 USD of {name} would go back" in shown.out
    done = payonce(
        "refunds", "ask", order.reference, "--amount-minor", "1500", "--reason", "broken", "--yes", "--json"
    )  # fmt: skip
    [refund] = done.json
    assert (done.code, refund["state"], refund["amount_minor"], refund["reason"]) == (0, "due", 1500, "broken")
    assert "command line" in refund["asked_by"]
    due_now(house)
    go_on(house, 1)
    told = payonce("refunds", "show", refund["id"])
    assert (told.code, "15.00 USD of the order's money went back at" in told.out) == (0, True)
    assert payonce("refunds", "list", "--order", order.reference, "--json").json[0]["state"] == "succeeded"


def test_too_much_is_an_error_and_an_unknown_state_a_wrong_use(payonce: Payonce, house: House) -> None:
    order, _ = paid(house)
    much = payonce("refunds", "ask", order.reference, "--amount-minor", "4501", "--reason", "x", "--yes", "--json")
    assert (much.code, much.error["code"], states(house)) == (1, "amount_too_large", [])
    assert payonce("refunds", "list", "--state", "odd").code == 2
    assert payonce("refunds", "ask", order.reference, "--reason", "x", "--of", "all").code == 2
    assert payonce("refunds", "show", "rfd_x").code == 2


def test_a_plan_is_shown_then_applied_by_its_id(payonce: Payonce, house: House) -> None:
    """X6: above the limit by a plan; exit code 4 where it is not what was shown."""
    plans = []
    for number, purpose in enumerate(("fee:1", "fee:2"), 1):
        order, _ = paid_twice(house, purpose=purpose)
        house.rows("UPDATE refunds SET state = 'planned', due_at = NULL WHERE state = 'due' RETURNING 1")
        house.rows(
            "INSERT INTO audit (merchant_id, audit_id, at, actor, subject, subject_id, source, event, target, cause)"
            " SELECT merchant_id, gen_random_uuid(), created_at, 'test', 'refund', refund_id, 'due', 'too_large',"
            " 'planned', 'test' FROM refunds WHERE order_id = %s RETURNING 1", order.id,
        )  # fmt: skip
        shown = payonce("refunds", "plan", "--json")
        assert (shown.code, len(shown.json["refunds"])) == (0, number)
        plans.append(shown.json["id"])
    unsaid = payonce("refunds", "apply")
    assert (unsaid.code, plans[1] in unsaid.out, states(house)) == (5, True, ["planned", "planned"])
    changed = payonce("refunds", "apply", plans[0], "--json")
    assert (changed.code, changed.error["code"], states(house)) == (4, "plan_changed", ["planned", "planned"])
    second = ids.show(ids.REFUND, refund_ids(house)[1])
    assert payonce("refunds", "cancel", second, "--reason", "agreed otherwise").code == 0
    plan = payonce("refunds", "plan", "--json").json["id"]
    applied = payonce("refunds", "apply", plan, "--json")
    assert (applied.code, [each["state"] for each in applied.json]) == (0, ["due"])
    due_now(house)
    go_on(house, 1)
    assert (states(house), len(gone(house))) == (["succeeded", "cancelled"], 1)


def test_a_refund_in_doubt_is_resolved_by_a_word(payonce: Payonce, house: House) -> None:
    paid_twice(house)
    spoil(house, "refunds.create", "timeout")
    house.send_refunds()
    house.clock.move(DAY)
    go_on(house, 2, HOUR)
    [refund] = [ids.show(ids.REFUND, each) for each in refund_ids(house)]
    assert payonce("refunds", "resolve", refund, "--reason", "x").code == 2
    word = payonce("refunds", "resolve", refund, "--not-done", "--reason", "the dashboard shows none", "--json")
    assert (word.code, word.json["state"], states(house)) == (0, "failed", ["failed", "due"])
    due_now(house)
    go_on(house, 1)
    assert states(house) == ["failed", "succeeded"]


def test_an_order_tells_where_its_second_payment_is(payonce: Payonce, house: House) -> None:
    """X6: for every captured payment one can say where its money is, in plain words."""
    order, _ = paid_twice(house, "pm_card_pendingRefund")
    house.send_refunds()
    shown, told = payonce("orders", "show", order.reference), payonce("orders", "explain", order.reference)
    assert "the second payment of 45.00 USD is on its way back since 2026-11-20" in shown.out
    assert "The second payment of 45.00 USD is on its way back since" in told.out
    assert "refund 1: due → sending (begun" in told.out
    assert "Next: The worker sends the money back, and follows it until it arrived." in told.out
    assert payonce("orders", "show", order.reference, "--json").json["refunds"][0]["state"] == "sent"
