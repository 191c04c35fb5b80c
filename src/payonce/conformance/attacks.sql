-- Attacks on the rules of the schema. Each is one statement that breaks one rule, and that rule alone, on the rows of a
-- merchant with one paid order (purpose `paid`), one open order with a session (`open`), money on its way back, stock
-- and shares. `attempt` and `order` are those of the open order. `conformance/attacks.py` says which rule must refuse it,
-- and what would be lost without it. Whatever happens, it is rolled back.

-- name: a_reference_twice
-- A second order under the reference of the first.
INSERT INTO orders
SELECT (jsonb_populate_record(o, jsonb_build_object('order_id', gen_random_uuid(), 'token', 'x', 'purpose', 'x'))).*
FROM orders AS o
WHERE o.order_id = %(order)s::uuid;

-- name: a_link_twice
-- Two orders behind one payment link.
INSERT INTO orders
SELECT (jsonb_populate_record(o, jsonb_build_object('order_id', gen_random_uuid(), 'reference', 'x', 'purpose', 'x'))).*
FROM orders AS o
WHERE o.order_id = %(order)s::uuid;

-- name: a_second_open_order
-- A second open order of a purpose.
INSERT INTO orders
SELECT (jsonb_populate_record(o, jsonb_build_object('order_id', gen_random_uuid(), 'reference', 'x', 'token', 'x'))).*
FROM orders AS o
WHERE o.order_id = %(order)s::uuid;

-- name: a_second_waiting_order
-- Two orders that wait for one purpose.
INSERT INTO orders
SELECT (jsonb_populate_record(o, jsonb_build_object(
    'order_id', gen_random_uuid(), 'reference', n::text, 'token', n::text, 'state', 'waiting'
))).*
FROM orders AS o, generate_series(1, 2) AS n
WHERE o.order_id = %(order)s::uuid;

-- name: paid_without_its_money
-- A paid order that nothing covers.
UPDATE orders SET allocated_minor = 0 WHERE state = 'paid';

-- name: paid_by_a_word
-- An open order that is called paid.
UPDATE orders SET state = 'paid', paid_at = created_at WHERE order_id = %(order)s::uuid;

-- name: more_than_the_amount
-- Money that serves an order beyond its amount.
UPDATE orders SET allocated_minor = amount_minor + 1 WHERE state = 'open';

-- name: closed_without_reason
-- An order that is closed, and nobody knows why.
UPDATE orders SET state = 'closed' WHERE order_id = %(order)s::uuid;

-- name: a_currency_that_is_none
-- An amount of nobody knows what.
UPDATE orders SET currency = 'usd';

-- name: open_since_never
-- An open order that can never be too old.
UPDATE orders SET opened_at = NULL WHERE order_id = %(order)s::uuid;

-- name: less_than_nothing_received
-- Money that never came.
UPDATE orders SET received_minor = -1;

-- name: less_than_nothing_refunded
-- Money that never went back.
UPDATE orders SET refunded_minor = -1;

-- name: less_than_nothing_disputed
-- A dispute about less than nothing.
UPDATE orders SET disputed_minor = -1;

-- name: released_while_open
-- A purpose that is free while its order is open.
UPDATE orders SET released_at = created_at WHERE order_id = %(order)s::uuid;

-- name: an_order_in_no_state
-- An order that no rule knows what to do with.
UPDATE orders SET state = 'lost' WHERE order_id = %(order)s::uuid;

-- name: a_second_live_attempt
-- A second attempt that can be paid.
INSERT INTO attempts
SELECT (jsonb_populate_record(a, jsonb_build_object('attempt_id', gen_random_uuid(), 'number', a.number + 1))).*
FROM attempts AS a
WHERE a.attempt_id = %(attempt)s::uuid;

-- name: a_number_twice
-- Two attempts of one number.
INSERT INTO attempts
SELECT (jsonb_populate_record(a, jsonb_build_object('attempt_id', gen_random_uuid(), 'state', 'closed'))).*
FROM attempts AS a
WHERE a.attempt_id = %(attempt)s::uuid;

-- name: a_disclosed_attempt_abandoned
-- An attempt that is given up while its payer may hold its address.
UPDATE attempts SET state = 'abandoned' WHERE attempt_id = %(attempt)s::uuid;

-- name: an_attempt_of_nothing
-- An attempt to charge nothing.
UPDATE attempts SET amount_minor = 0;

-- name: an_attempt_without_number
-- An attempt before the first.
UPDATE attempts SET number = 0 WHERE attempt_id = %(attempt)s::uuid;

-- name: an_attempt_in_no_state
-- An attempt that no rule knows what to do with.
UPDATE attempts SET state = 'lost' WHERE attempt_id = %(attempt)s::uuid;

-- name: an_attempt_of_no_order
-- An attempt that pays for nothing.
UPDATE attempts SET order_id = gen_random_uuid() WHERE attempt_id = %(attempt)s::uuid;

-- name: a_payment_for_a_second_attempt
-- One payment of the provider's for two attempts.
INSERT INTO provider_refs (merchant_id, provider, account, kind, ref, attempt_id, order_id)
SELECT merchant_id, provider, account, kind, ref, %(attempt)s::uuid, %(order)s::uuid
FROM provider_refs
WHERE kind = 'payment_intent';

-- name: a_reference_of_no_attempt
-- A payment of an attempt that there is not.
INSERT INTO provider_refs (merchant_id, provider, account, kind, ref, attempt_id, order_id)
SELECT merchant_id, provider, account, kind, ref || 'x', gen_random_uuid(), %(order)s::uuid
FROM provider_refs;

-- name: a_capture_twice
-- The same money a second time.
INSERT INTO captures SELECT * FROM captures;

-- name: a_capture_of_nothing
-- Money that is none.
UPDATE captures SET captured_minor = 0, allocated_minor = 0, surplus_minor = 0, refunds_minor = 0;

-- name: money_that_serves_twice
-- Money that serves an order and is surplus as well.
UPDATE captures SET surplus_minor = 1;

-- name: less_than_nothing_allocated
-- Money that takes from an order.
UPDATE captures SET allocated_minor = -1;

-- name: less_than_no_surplus
-- Surplus that hides what serves an order.
UPDATE captures SET allocated_minor = 0, surplus_minor = -1;

-- name: more_back_than_came
-- Refunds of more than a payment brought.
UPDATE captures SET refunds_minor = captured_minor + 1;

-- name: less_than_nothing_back
-- Refunds that make room for more.
UPDATE captures SET refunds_minor = -1;

-- name: a_capture_of_no_reference
-- Money of a payment that nobody knows.
INSERT INTO captures
SELECT (jsonb_populate_record(c, jsonb_build_object('ref', c.ref || 'x'))).*
FROM captures AS c;

-- name: a_capture_of_no_order
-- Money of an order that there is not.
UPDATE captures SET order_id = gen_random_uuid();

-- name: a_second_settlement
-- An order that is recorded as paid twice.
INSERT INTO settlements SELECT (jsonb_populate_record(s, jsonb_build_object('ref', s.ref || 'x'))).* FROM settlements AS s;

-- name: one_capture_for_two_orders
-- One payment that settles two orders.
INSERT INTO settlements
SELECT (jsonb_populate_record(s, jsonb_build_object('order_id', %(order)s::uuid))).*
FROM settlements AS s;

-- name: a_settlement_by_nothing
-- An order that is settled by no payment.
UPDATE settlements SET ref = NULL;

-- name: a_settlement_of_no_order
-- A payment that is recorded for nobody.
INSERT INTO settlements
SELECT (jsonb_populate_record(s, jsonb_build_object('order_id', gen_random_uuid(), 'ref', s.ref || 'x'))).*
FROM settlements AS s;

-- name: a_cause_posted_twice
-- One cause with two entries.
INSERT INTO entries
SELECT (jsonb_populate_record(e, jsonb_build_object('entry_id', gen_random_uuid()))).*
FROM entries AS e;

-- name: an_entry_of_no_order
-- A record of nothing.
INSERT INTO entries
SELECT (jsonb_populate_record(e, jsonb_build_object(
    'entry_id', gen_random_uuid(), 'cause', e.cause || 'x', 'order_id', gen_random_uuid()
))).*
FROM entries AS e;

-- name: a_posting_of_nothing
-- A line that moves no money.
UPDATE postings SET amount_minor = 0;

-- name: a_line_twice
-- A line of an entry that counts twice.
INSERT INTO postings SELECT * FROM postings;

-- name: a_posting_of_no_entry
-- A line without an entry.
INSERT INTO postings
SELECT (jsonb_populate_record(p, jsonb_build_object('entry_id', gen_random_uuid()))).*
FROM postings AS p;

-- name: an_event_known_twice
-- One event of the provider's with two rows.
INSERT INTO event_keys
SELECT (jsonb_populate_record(k, jsonb_build_object('event_id', gen_random_uuid()))).*
FROM event_keys AS k;

-- name: an_event_in_no_state
-- An event that nobody takes up.
UPDATE events SET state = 'lost';

-- name: an_effect_owed_twice
-- One effect with two rows.
INSERT INTO effects
SELECT (jsonb_populate_record(e, jsonb_build_object('effect_id', gen_random_uuid()))).*
FROM effects AS e;

-- name: an_effect_that_is_never_due
-- An effect that is owed, and that no worker finds.
UPDATE effects SET due_at = NULL WHERE state = 'pending';

-- name: an_effect_in_no_state
-- An effect that no rule knows what to do with.
UPDATE effects SET state = 'lost', due_at = NULL;

-- name: an_effect_of_no_nature
-- An effect of which nobody knows whether it must be.
UPDATE effects SET nature = 'other';

-- name: an_effect_of_no_order
-- An effect without its cause.
UPDATE effects SET order_id = gen_random_uuid();

-- name: a_try_twice
-- Two deliveries at one try.
INSERT INTO deliveries (merchant_id, effect_id, try_number, fence, began_at, outcome)
SELECT e.merchant_id, e.effect_id, 1, 1, e.owed_at, 'begun'
FROM effects AS e, generate_series(1, 2);

-- name: a_delivery_of_nothing
-- A delivery of an effect that nobody owes.
INSERT INTO deliveries (merchant_id, effect_id, try_number, fence, began_at, outcome)
SELECT e.merchant_id, gen_random_uuid(), 1, 1, e.owed_at, 'begun'
FROM effects AS e;

-- name: a_delivery_without_outcome
-- A delivery of which nobody can say what became of it.
INSERT INTO deliveries (merchant_id, effect_id, try_number, fence, began_at, outcome)
SELECT e.merchant_id, e.effect_id, 1, 1, e.owed_at, 'perhaps'
FROM effects AS e;

-- name: a_refund_of_nothing
-- A refund of no money.
UPDATE refunds SET amount_minor = 0, staged_minor = 0;

-- name: a_refund_in_no_state
-- A refund that no rule knows what to do with.
UPDATE refunds SET state = 'lost';

-- name: a_refund_of_no_money
-- A refund that is neither of surplus nor of an order.
UPDATE refunds SET serves = 'x';

-- name: a_refund_booked_in_part
-- A refund whose booking is not its amount.
UPDATE refunds SET staged_minor = amount_minor - 1;

-- name: a_refund_sent_without_its_words
-- A refund that is sent, and whose words nobody kept.
UPDATE refunds SET state = 'sending', request_body = NULL;

-- name: a_refund_of_no_capture
-- A refund of money that never came.
UPDATE refunds SET capture_ref = 'x';

-- name: a_refund_reference_twice
-- One refund of the provider's for two of ours.
INSERT INTO refunds
SELECT (jsonb_populate_record(r, jsonb_build_object('refund_id', gen_random_uuid()))).*
FROM refunds AS r
WHERE r.ref IS NOT NULL;

-- name: a_return_twice
-- One return of the provider's that counts twice.
INSERT INTO returns SELECT * FROM returns;

-- name: more_returned_than_asked
-- A return of more than it is of.
UPDATE returns SET returned_minor = amount_minor + 1;

-- name: a_return_of_no_order
-- Money that went back for nothing.
UPDATE returns SET order_id = gen_random_uuid();

-- name: a_day_beyond_its_limit
-- More that goes back by itself than a day may.
INSERT INTO refund_days (merchant_id, day, currency, automatic_minor, limit_minor)
VALUES (%(merchant_id)s::text, '2026-01-01', 'USD', 2, 1);

-- name: a_day_below_nothing
-- A day that makes room for more.
INSERT INTO refund_days (merchant_id, day, currency, automatic_minor, limit_minor)
VALUES (%(merchant_id)s::text, '2026-01-01', 'USD', -1, 1);

-- name: pieces_that_come_from_nowhere
-- Pieces that are neither free nor held nor sold.
UPDATE stock_items SET on_hand = on_hand + 1;

-- name: more_sold_than_there_is
-- A piece that is sold and was not there.
UPDATE stock_items SET sold = sold + free + 1, free = -1;

-- name: a_reservation_twice
-- One order that holds an item twice.
INSERT INTO reservations SELECT * FROM reservations;

-- name: a_reservation_of_nothing
-- An order that holds no piece.
UPDATE reservations SET quantity = 0;

-- name: a_reservation_of_no_item
-- An order that holds what there is not.
UPDATE reservations SET sku = 'x';

-- name: a_reservation_of_no_order
-- Pieces that nobody holds.
UPDATE reservations SET order_id = gen_random_uuid();

-- name: a_share_twice
-- A payee with two shares of one order.
INSERT INTO order_payouts SELECT * FROM order_payouts;

-- name: a_share_of_nothing
-- A share of no money.
UPDATE order_payouts SET amount_minor = 0;

-- name: a_share_of_no_order
-- A share of an order that there is not.
INSERT INTO order_payouts
SELECT (jsonb_populate_record(p, jsonb_build_object('order_id', gen_random_uuid()))).*
FROM order_payouts AS p;

-- name: a_payee_owed_twice
-- A payment that owes a payee twice.
INSERT INTO accruals
SELECT (jsonb_populate_record(a, jsonb_build_object('accrual_id', gen_random_uuid()))).*
FROM accruals AS a;

-- name: a_payee_owed_nothing
-- A payee who is owed no money.
UPDATE accruals SET amount_minor = 0, reversed_minor = 0;

-- name: more_taken_back_than_owed
-- A payee who is owed less than nothing.
UPDATE accruals SET reversed_minor = amount_minor + 1;

-- name: paid_out_by_nobody
-- A payee who was paid by no payout.
UPDATE accruals SET state = 'paid_out', held_because = NULL, payout_number = NULL;

-- name: owed_by_no_share
-- A payee who is owed what nobody promised.
UPDATE accruals SET payee = 'x';

-- name: a_payout_number_twice
-- Two payouts of one number.
INSERT INTO payouts
    (merchant_id, payout_id, payee, number, currency, gross_minor, carried_minor, amount_minor, order_id, made_at)
SELECT merchant_id, gen_random_uuid(), 'ada', 1, 'USD', 5, 0, 5, order_id, created_at
FROM orders, generate_series(1, 2)
WHERE order_id = %(order)s::uuid;

-- name: a_payout_that_does_not_add_up
-- A payout of more than is owed.
INSERT INTO payouts
    (merchant_id, payout_id, payee, number, currency, gross_minor, carried_minor, amount_minor, order_id, made_at)
SELECT merchant_id, gen_random_uuid(), 'ada', 1, 'USD', 5, -1, 5, order_id, created_at
FROM orders
WHERE order_id = %(order)s::uuid;

-- name: a_finding_twice
-- One difference with two open findings.
INSERT INTO findings
    (merchant_id, finding_id, kind, fingerprint, severity, owner, state, money_minor, detail, first_seen_at,
    last_seen_at, deadline_at)
SELECT merchant_id, gen_random_uuid(), 'x', 'x', 'high', 'finance', 'open', 0, '{}', created_at, created_at, created_at
FROM orders, generate_series(1, 2)
WHERE order_id = %(order)s::uuid;

-- name: a_finding_ignored_for_ever
-- A difference that nobody ever sees again.
INSERT INTO findings
    (merchant_id, finding_id, kind, fingerprint, severity, owner, state, money_minor, detail, first_seen_at,
    last_seen_at, deadline_at, ignored_by, ignored_why)
SELECT merchant_id, gen_random_uuid(), 'x', 'x', 'high', 'finance', 'ignored', 0, '{}', created_at, created_at,
    created_at, 'ada', 'no reason'
FROM orders
WHERE order_id = %(order)s::uuid;

-- name: an_idempotency_key_twice
-- One key of a caller's with two answers.
INSERT INTO api_requests (merchant_id, idempotency_key, fingerprint, route, state, lease_until, created_at)
SELECT merchant_id, 'x', 'x', 'x', 'running', created_at, created_at
FROM orders, generate_series(1, 2)
WHERE order_id = %(order)s::uuid;

-- name: an_account_of_two_merchants
-- One account whose money belongs to two.
INSERT INTO accounts (provider, account, mode, merchant_id, created_at)
SELECT 'x', 'x', 'test', n::text, o.created_at
FROM orders AS o, generate_series(1, 2) AS n
WHERE o.order_id = %(order)s::uuid;

-- name: a_cursor_twice
-- One list that is read from two places.
INSERT INTO cursors (merchant_id, provider, account, list, read_until)
SELECT merchant_id, 'x', 'x', 'x', created_at
FROM orders, generate_series(1, 2)
WHERE order_id = %(order)s::uuid;

-- name: a_run_of_no_job
-- A run of a job that there is not.
INSERT INTO job_runs (run_id, job, state, started_by, started_at, fence)
SELECT gen_random_uuid(), 'x', 'running', 'x', created_at, 1
FROM orders
WHERE order_id = %(order)s::uuid;

-- name: a_run_beyond_its_rows
-- A run that takes up more than it may.
INSERT INTO run_tallies (run_id, job, touched, messages, most_touched, at)
SELECT gen_random_uuid(), 'x', 2, 0, 1, created_at
FROM orders
WHERE order_id = %(order)s::uuid;

-- name: a_run_beyond_its_messages
-- A run that tells more people than it may.
INSERT INTO run_tallies (run_id, job, touched, messages, most_messages, at)
SELECT gen_random_uuid(), 'x', 0, 2, 1, created_at
FROM orders
WHERE order_id = %(order)s::uuid;

-- name: a_record_of_money_twice
-- One record of a provider's that counts twice.
INSERT INTO money_records
    (merchant_id, provider, account, record_ref, day, nature, kind, object_minor, amount_minor, fee_minor, currency,
    occurred_at, reading, first_seen_at, is_first)
SELECT merchant_id, 'x', 'x', 'x', '2026-01-01', 'other', 'x', 0, 1, 0, 'USD', created_at, 1, created_at, true
FROM orders, generate_series(1, 2)
WHERE order_id = %(order)s::uuid;

-- name: a_day_closed_unread
-- A day that is closed, and was never compared.
INSERT INTO reconcile_windows (merchant_id, provider, account, day, from_at, to_at, state, began_at)
SELECT merchant_id, 'x', 'x', '2026-01-01', '2026-01-01', '2026-01-02', 'closed', created_at
FROM orders
WHERE order_id = %(order)s::uuid;

-- name: a_day_read_twice
-- One day with two books.
INSERT INTO reconcile_windows (merchant_id, provider, account, day, from_at, to_at, state, began_at)
SELECT merchant_id, 'x', 'x', '2026-01-01', '2026-01-01', '2026-01-02', 'reading', created_at
FROM orders, generate_series(1, 2)
WHERE order_id = %(order)s::uuid;

-- name: an_alert_twice
-- One change that is told twice on one way.
INSERT INTO alerts
    (merchant_id, alert_id, route, subject, subject_id, change, changed_as, kind, tone, state, due_at, noted_at)
SELECT merchant_id, gen_random_uuid(), 'x', 'finding', order_id, 1, 'opened', 'x', 'raised', 'waiting', created_at,
    created_at
FROM orders, generate_series(1, 2)
WHERE order_id = %(order)s::uuid;

-- name: a_switch_without_reason
-- A stop of which nobody knows why.
INSERT INTO switches (name, is_off, reason, actor, at)
SELECT 'x', true, '', 'ada', created_at
FROM orders
WHERE order_id = %(order)s::uuid;

-- name: a_slot_run_twice
-- One slot of a job with two runs.
INSERT INTO job_runs (run_id, job, slot_at, state, started_by, started_at, fence)
SELECT gen_random_uuid(), 'x', created_at, 'running', 'x', created_at, 1
FROM orders, generate_series(1, 2)
WHERE order_id = %(order)s::uuid;

-- name: a_job_that_does_not_say_whom_it_tells
-- A job of which nobody knows whether it tells people.
INSERT INTO jobs (job, why, is_worker, notify, timetable_seconds, registered_at)
SELECT 'x', 'x', false, 'perhaps', 60, created_at
FROM orders
WHERE order_id = %(order)s::uuid;

-- name: an_item_twice
-- One item with two counts.
INSERT INTO stock_items
SELECT (jsonb_populate_record(s, jsonb_build_object('stock_id', gen_random_uuid()))).*
FROM stock_items AS s;

-- name: a_day_counted_twice
-- One day with two limits of what may go back.
INSERT INTO refund_days (merchant_id, day, currency, automatic_minor, limit_minor)
SELECT %(merchant_id)s::text, '2026-01-01', 'USD', 0, 1
FROM generate_series(1, 2);

-- name: a_refund_twice
-- One refund of ours with two rows.
INSERT INTO refunds SELECT (jsonb_populate_record(r, jsonb_build_object('ref', r.ref || 'x'))).* FROM refunds AS r;

-- name: paid_out_by_a_payout_that_is_not
-- A payee whose share was paid by a payout that nobody made.
UPDATE accruals SET state = 'paid_out', held_because = NULL, payout_number = 9, paid_minor = 1;

-- name: a_payout_of_nothing
-- A payout of no money.
INSERT INTO payouts
    (merchant_id, payout_id, payee, number, currency, gross_minor, carried_minor, amount_minor, order_id, made_at)
SELECT merchant_id, gen_random_uuid(), 'ada', 1, 'USD', 0, 0, 0, order_id, created_at
FROM orders
WHERE order_id = %(order)s::uuid;

-- name: a_payout_of_no_order
-- A payout that nothing stands for.
INSERT INTO payouts
    (merchant_id, payout_id, payee, number, currency, gross_minor, carried_minor, amount_minor, order_id, made_at)
SELECT merchant_id, gen_random_uuid(), 'ada', 1, 'USD', 5, 0, 5, gen_random_uuid(), created_at
FROM orders
WHERE order_id = %(order)s::uuid;

-- name: a_migration_twice
-- A change of the schema that is made a second time.
INSERT INTO migrations SELECT * FROM migrations;

-- name: a_switch_twice
-- One switch that is on and off.
INSERT INTO switches (name, is_off, reason, actor, at)
SELECT 'x', n = 1, 'x', 'ada', o.created_at
FROM orders AS o, generate_series(1, 2) AS n
WHERE o.order_id = %(order)s::uuid;
