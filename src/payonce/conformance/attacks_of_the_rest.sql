-- Attacks on the rules of refunds, stock, shares, findings, jobs and days; written as `attacks.sql` says.

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
