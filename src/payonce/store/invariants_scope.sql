-- name: of_orders
-- Narrows the questions of the invariants to some orders: it stands before a question, whose tables then are these rows.
-- One text serves both: asked alone a question looks at everything, asked behind this at what an index finds.
WITH orders AS (
    SELECT merchant_id, order_id, purpose, state, amount_minor, currency, received_minor, allocated_minor,
        refunded_minor, disputed_minor, created_at, opened_at, paid_at, closed_at, closed_reason, released_at, has_items
    FROM orders
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), attempts AS (
    SELECT merchant_id, attempt_id, order_id, purpose, number, provider, account, state, amount_minor, currency,
        created_at, disclosed_at, consent_at
    FROM attempts
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), provider_refs AS (
    SELECT merchant_id, provider, account, kind, ref, attempt_id, order_id
    FROM provider_refs
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), captures AS (
    SELECT merchant_id, provider, account, kind, ref, attempt_id, order_id, currency, captured_minor, allocated_minor,
        surplus_minor, is_confirmed, captured_at, refunds_minor
    FROM captures
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), settlements AS (
    SELECT merchant_id, order_id, attempt_id, provider, account, kind, ref, amount_minor, currency, settled_at
    FROM settlements
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), entries AS (
    SELECT merchant_id, entry_id, cause, order_id, currency, posted_at
    FROM entries
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), postings AS (
    SELECT p.merchant_id, p.entry_id, p.line, p.account, p.amount_minor
    FROM entries AS e
    JOIN postings AS p
        ON p.merchant_id = e.merchant_id
        AND p.entry_id = e.entry_id
), returns AS (
    SELECT merchant_id, provider, account, kind, ref, nature, capture_kind, capture_ref, attempt_id, order_id, status,
        amount_minor, returned_minor, currency, refund_id, first_seen_at
    FROM returns
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), refunds AS (
    SELECT merchant_id, refund_id, order_id, attempt_id, provider, account, capture_kind, capture_ref, serves, state,
        amount_minor, currency, staged_minor, decline, created_at
    FROM refunds
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), effects AS (
    SELECT merchant_id, effect_id, key, kind, occasion, nature, order_id, state, reason, tries, owed_at, done_at
    FROM effects
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), deliveries AS (
    SELECT d.merchant_id, d.effect_id, d.try_number, d.outcome, d.began_at, d.ended_at
    FROM effects AS e
    JOIN deliveries AS d
        ON d.merchant_id = e.merchant_id
        AND d.effect_id = e.effect_id
), reservations AS (
    SELECT merchant_id, order_id, sku, quantity, state, reserved_at
    FROM reservations
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), order_payouts AS (
    SELECT merchant_id, order_id, payee, amount_minor
    FROM order_payouts
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), accruals AS (
    SELECT merchant_id, accrual_id, order_id, payee, currency, state, held_because, amount_minor, reversed_minor,
        payout_number, paid_minor, accrued_at
    FROM accruals
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(%(order_ids)s::uuid[])
), audit AS (
    SELECT merchant_id, audit_id, at, actor, subject, subject_id, source, event, target, cause
    FROM audit
    WHERE merchant_id = %(merchant_id)s::text
        AND subject_id = ANY(%(subject_ids)s::uuid[])
)

-- name: subjects_of_orders
-- What the audit calls the rows of some orders: the orders themselves, their attempts, effects, refunds and accruals.
SELECT order_id AS subject_id
FROM orders
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
UNION ALL
SELECT attempt_id
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
UNION ALL
SELECT effect_id
FROM effects
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
UNION ALL
SELECT refund_id
FROM refunds
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
UNION ALL
SELECT accrual_id
FROM accruals
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[]);
