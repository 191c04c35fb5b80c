"""Every rule that carries a promise is attacked by a row that breaks it: what the database itself must refuse.

The attacks stand in `attacks*.sql`; here stands which rule must name itself, and the promise that it carries: a row of
the requirements, or an invariant. Rules that are not attacked carry none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg

from payonce.conformance.check import Check, NotKept, require
from payonce.conformance.ground import Ground
from payonce.conformance.shops import OpenShop, open_shop
from payonce.store import queries
from payonce.store.database import Query
from payonce.usecases.ask_refund import ask_refund
from payonce.usecases.set_stock import set_stock

PART: Final = "rules"
# attack -> the rule that refuses it, and the promise.
ATTACKS: Final[dict[str, tuple[str, str]]] = {
    "a_reference_twice": ("order_reference_once", "B1"),
    "a_link_twice": ("order_token_once", "D1"),
    "a_second_open_order": ("order_purpose_held_once", "C12"),
    "a_second_waiting_order": ("order_purpose_waits_once", "C12"),
    "paid_without_its_money": ("order_paid_means_covered", "S2"),
    "paid_by_a_word": ("order_paid_means_covered", "S2"),
    "more_than_the_amount": ("order_allocated_within_amount", "S1"),
    "closed_without_reason": ("order_closed_has_a_reason", "C5"),
    "a_currency_that_is_none": ("order_currency_is_iso", "B17"),
    "open_since_never": ("order_open_since", "C10"),
    "less_than_nothing_received": ("order_received_not_negative", "S4"),
    "less_than_nothing_refunded": ("order_refunded_not_negative", "S4"),
    "less_than_nothing_disputed": ("order_disputed_not_negative", "S4"),
    "released_while_open": ("order_released_only_when_paid", "D2"),
    "an_order_in_no_state": ("order_state_known", "S8"),
    "a_second_live_attempt": ("attempt_one_live_per_purpose", "X2"),
    "a_number_twice": ("attempt_number_once", "S7"),
    "a_disclosed_attempt_abandoned": ("attempt_abandoned_undisclosed_or_with_consent", "X7"),
    "an_attempt_of_nothing": ("attempt_amount_positive", "D16"),
    "an_attempt_without_number": ("attempt_number_positive", "S7"),
    "an_attempt_in_no_state": ("attempt_state_known", "S8"),
    "an_attempt_of_no_order": ("attempt_of_an_order", "A12"),
    "a_payment_for_a_second_attempt": ("reference_serves_one_attempt", "A3"),
    "a_reference_of_no_attempt": ("reference_of_an_attempt", "S5"),
    "a_capture_twice": ("captures_pkey", "S4"),
    "a_capture_of_nothing": ("capture_positive", "S4"),
    "money_that_serves_twice": ("capture_serves_no_more_than_it_brought", "S1"),
    "less_than_nothing_allocated": ("capture_allocated_not_negative", "S1"),
    "less_than_no_surplus": ("capture_surplus_not_negative", "S1"),
    "more_back_than_came": ("capture_refunds_no_more_than_it_brought", "S9"),
    "less_than_nothing_back": ("capture_refunds_not_negative", "S9"),
    "a_capture_of_no_reference": ("capture_of_a_reference", "C3"),
    "a_capture_of_no_order": ("capture_of_an_order", "S21"),
    "a_second_settlement": ("settlement_once_per_order", "C1"),
    "one_capture_for_two_orders": ("capture_settles_once", "C8"),
    "a_settlement_by_nothing": ("settlement_by_a_capture_or_of_nothing", "S2"),
    "a_settlement_of_no_order": ("settlement_of_an_order", "S2"),
    "a_cause_posted_twice": ("entry_once_per_cause", "X4"),
    "an_entry_of_no_order": ("entry_of_an_order", "S3"),
    "a_posting_of_nothing": ("posting_moves_something", "S3"),
    "a_line_twice": ("postings_pkey", "S3"),
    "a_posting_of_no_entry": ("posting_of_an_entry", "S3"),
    "an_event_known_twice": ("event_known_once", "C2"),
    "an_event_in_no_state": ("event_state_known", "C16"),
    "an_effect_owed_twice": ("effect_once_per_key", "E1"),
    "an_effect_that_is_never_due": ("effect_due_while_open", "S20"),
    "an_effect_in_no_state": ("effect_state_known", "S8"),
    "an_effect_of_no_nature": ("effect_nature_known", "S20"),
    "an_effect_of_no_order": ("effect_of_an_order", "S11"),
    "a_try_twice": ("delivery_once_per_try", "S10"),
    "a_delivery_of_nothing": ("delivery_of_an_effect", "S11"),
    "a_delivery_without_outcome": ("delivery_outcome_known", "X10"),
    "a_refund_of_nothing": ("refund_amount_positive", "S9"),
    "a_refund_in_no_state": ("refund_state_known", "S8"),
    "a_refund_of_no_money": ("refund_serves_known", "X6"),
    "a_refund_booked_in_part": ("refund_staged_whole", "S4"),
    "a_refund_sent_without_its_words": ("refund_sent_with_its_request", "X3"),
    "a_refund_of_no_capture": ("refund_of_a_capture", "S9"),
    "a_refund_reference_twice": ("refund_reference_once", "S9"),
    "a_return_twice": ("return_once_per_reference", "S4"),
    "more_returned_than_asked": ("return_within_its_amount", "S9"),
    "a_return_of_no_order": ("return_of_an_order", "S4"),
    "a_day_beyond_its_limit": ("refund_day_within_limit", "S9"),
    "a_day_below_nothing": ("refund_day_not_negative", "S9"),
    "pieces_that_come_from_nowhere": ("stock_is_free_held_or_sold", "S19"),
    "more_sold_than_there_is": ("stock_free_not_negative", "S19"),
    "a_reservation_twice": ("reservation_once_per_order_and_item", "C13"),
    "a_reservation_of_nothing": ("reservation_of_something", "S19"),
    "a_reservation_of_no_item": ("reservation_of_an_item", "S19"),
    "a_reservation_of_no_order": ("reservation_of_an_order", "S19"),
    "a_share_twice": ("share_once_per_payee", "E10"),
    "a_share_of_nothing": ("share_positive", "E10"),
    "a_share_of_no_order": ("share_of_an_order", "E10"),
    "a_payee_owed_twice": ("accrual_once_per_payment", "E10"),
    "a_payee_owed_nothing": ("accrual_positive", "E10"),
    "more_taken_back_than_owed": ("accrual_reversed_within_its_amount", "X12"),
    "paid_out_by_nobody": ("accrual_paid_by_a_payout", "S10"),
    "owed_by_no_share": ("accrual_of_a_share", "S11"),
    "a_payout_number_twice": ("payout_number_once", "S10"),
    "a_payout_that_does_not_add_up": ("payout_adds_up", "S4"),
    "a_finding_twice": ("finding_open_once_per_fingerprint", "X6"),
    "a_finding_ignored_for_ever": ("finding_ignored_by_somebody_until_an_end", "X6"),
    "an_idempotency_key_twice": ("idempotency_key_once", "B1"),
    "an_account_of_two_merchants": ("account_belongs_to_one_merchant", "A3"),
    "a_cursor_twice": ("cursor_once_per_list", "L1"),
    "a_run_of_no_job": ("job_run_of_a_job", "A9"),
    "a_run_beyond_its_rows": ("run_touches_no_more_than_its_cap", "A19"),
    "a_run_beyond_its_messages": ("run_tells_no_more_than_its_cap", "A14"),
    "a_record_of_money_twice": ("money_record_once", "B7"),
    "a_day_closed_unread": ("reconcile_window_ends_compared", "L8"),
    "a_day_read_twice": ("reconcile_window_once", "L8"),
    "an_alert_twice": ("alert_once_per_change_and_route", "C17"),
    "a_switch_without_reason": ("switch_pulled_with_a_reason", "A10"),
    "a_slot_run_twice": ("job_run_once_per_slot", "A6"),
    "a_job_that_does_not_say_whom_it_tells": ("job_notify_said", "A13"),
    "an_item_twice": ("stock_item_once", "S19"),
    "a_day_counted_twice": ("refund_days_pkey", "S9"),
    "a_refund_twice": ("refunds_pkey", "S9"),
    "paid_out_by_a_payout_that_is_not": ("accrual_of_a_payout", "S10"),
    "a_payout_of_nothing": ("payout_positive", "E10"),
    "a_payout_of_no_order": ("payout_of_an_order", "E10"),
    "a_migration_twice": ("migration_applied_once", "A12"),
    "a_switch_twice": ("switch_once", "A10"),
}  # fmt: skip
_FILES: Final = ("attacks.sql", "attacks_of_the_rest.sql")
_WORDS: Final[dict[str, Query]] = {
    name: query
    for file in _FILES
    for name, query in queries.parse((Path(__file__).parent / file).read_text("utf-8"), file).items()
}
OPEN: Final = "open"


def furnish(shop: OpenShop) -> dict[str, Any]:
    """Make what is attacked, by the use cases themselves; the names that attacks are given."""
    shop.run(set_stock(shop.world, shop.merchant_id, "seat", 10, by="conformance"))
    items = [{"sku": "seat", "quantity": 1}]
    paid = shop.place("paid", items=items, payouts=[{"payee": "ada", "amount_minor": 100}])
    shop.pay(shop.checkout(paid))
    shop.deliver_owed()
    asked = ask_refund(shop.world, shop.merchant_id, paid.id, reason="asked", actor="ada", amount_minor=1000)
    shop.run(asked)
    shop.send_refunds()
    shop.deliver_owed()
    order = shop.place(OPEN)
    checkout = shop.checkout(order)
    return {"merchant_id": shop.merchant_id, "order": order.id, "attempt": checkout.attempt_id}


def _furnished(ground: Ground) -> str:
    with open_shop(ground) as shop:
        ground.names = furnish(shop)
        shop.prove()
    return "an order paid, one open, a refund, stock and shares"


def attack(connection: psycopg.Connection[Any], query: Query, names: dict[str, Any]) -> str | None:
    """Try it, and roll it back; the rule that refused it, or None where none did."""
    try:
        with connection.transaction(force_rollback=True):
            given = {name: names[name] for name in names if f"%({name})s" in query.sql}
            found = connection.execute(query.sql.encode(), given)
            require(found.rowcount, "It touched no row: what is attacked is not there.")
    except psycopg.errors.IntegrityError as error:
        return error.diag.constraint_name or "a rule without a name"
    return None


def _attacked(name: str, rule: str) -> Callable[[Ground], str]:
    def run(ground: Ground) -> str:
        with ground.sessions(1) as (one,):
            refused_by = attack(one.connection, _WORDS[name], ground.names)
        if refused_by is None:
            raise NotKept(f"It was accepted: {rule} does not hold.")
        require(refused_by == rule, f"It was refused by {refused_by} instead of {rule}.")
        return f"refused by {rule}"

    return run


CHECKS: Final[tuple[Check[Ground], ...]] = (
    Check("furnished", PART, "the use cases place, charge, settle and refund", _furnished, is_gate=True),
    *(
        Check(name, PART, f"{promise}: against {_WORDS[name].why[0].lower()}{_WORDS[name].why[1:].rstrip('.')}",
              _attacked(name, rule))
        for name, (rule, promise) in ATTACKS.items()
    ),
)  # fmt: skip
