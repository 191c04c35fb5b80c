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
