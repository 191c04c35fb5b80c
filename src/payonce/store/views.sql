-- name: show_orders
-- Reads orders with their counters in one statement; nothing is locked and nothing is written.
SELECT o.order_id, o.merchant_id, o.reference, o.purpose, o.payer_reference, o.state, o.amount_minor, o.currency,
    o.received_minor, o.allocated_minor, o.refunded_minor, o.disputed_minor, o.token, o.success_url, o.cancel_url,
    o.metadata, o.created_at, o.opened_at, o.paid_at, o.closed_at, o.closed_reason, o.released_at, o.version,
    (
        SELECT count(*)
        FROM captures AS c
        WHERE c.merchant_id = o.merchant_id
            AND c.order_id = o.order_id
    ) AS charged,
    (
        SELECT count(*)
        FROM settlements AS s
        WHERE s.merchant_id = o.merchant_id
            AND s.order_id = o.order_id
    ) AS recorded,
    (
        SELECT COALESCE(max(by_kind.accepted), 0)
        FROM (
            SELECT count(*) AS accepted
            FROM effects AS e
            JOIN deliveries AS d
                ON d.merchant_id = e.merchant_id
                AND d.effect_id = e.effect_id
            WHERE e.merchant_id = o.merchant_id
                AND e.order_id = o.order_id
                AND e.nature = 'fulfilment'
                -- What undoes a fulfilment is none, nor is what others get of the money.
                AND e.occasion NOT LIKE 'reversal.%%'
                AND e.occasion <> 'payout.due'
                AND d.outcome = 'accepted'
            GROUP BY e.kind
        ) AS by_kind
    ) AS fulfilled,
    (
        SELECT s.provider
        FROM settlements AS s
        WHERE s.merchant_id = o.merchant_id
            AND s.order_id = o.order_id
    ) AS paid_by,
    o.state <> 'paid' AND EXISTS (
        SELECT 1
        FROM captures AS c
        JOIN orders AS sibling
            ON sibling.merchant_id = c.merchant_id
            AND sibling.order_id = c.order_id
        WHERE sibling.merchant_id = o.merchant_id
            AND sibling.purpose = o.purpose
            AND c.captured_minor > c.allocated_minor + c.surplus_minor
    ) AS under_review,
    CASE
        WHEN o.has_items THEN (
            SELECT jsonb_agg(jsonb_build_array(r.sku, r.quantity, r.state) ORDER BY r.sku)
            FROM reservations AS r
            WHERE r.merchant_id = o.merchant_id
                AND r.order_id = o.order_id
        )
        ELSE '[]'::jsonb
    END AS items
FROM orders AS o
WHERE o.merchant_id = %(merchant_id)s::text
    AND o.order_id = ANY(%(order_ids)s::uuid[]);

-- name: show_attempts
-- Reads the attempts of orders for people, without secrets.
SELECT order_id, attempt_id, number, provider, account, flow, state, amount_minor, handle_ref, created_at, decline, needs_action,
    expires_at
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY order_id, number;

-- name: show_payments
-- Reads the money that came for orders, the oldest first, with what the payer really sent.
SELECT order_id, provider, account, kind, ref, currency, captured_minor, allocated_minor, surplus_minor, is_confirmed, captured_at,
    paid_in_asset, paid_in_amount, paid_in_rule
FROM captures
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY order_id, captured_at, kind, ref;

-- name: show_effects
-- Reads what is owed for orders, and how far that is.
SELECT order_id, effect_id, kind, occasion, nature, state, tries, done_at, reason
FROM effects
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY order_id, effect_id;

-- name: show_open_findings
-- Reads which differences of orders are open.
SELECT DISTINCT order_id, kind
FROM findings
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
    AND resolved_at IS NULL
ORDER BY order_id, kind;

-- name: list_orders
-- Lists orders for people, the newest first; a page goes on after the last id of the one before.
SELECT order_id
FROM orders
WHERE merchant_id = %(merchant_id)s::text
    AND (%(state)s::text IS NULL OR state = %(state)s::text)
    AND (%(payer_reference)s::text IS NULL OR payer_reference = %(payer_reference)s::text)
    AND (%(before)s::uuid IS NULL OR order_id < %(before)s::uuid)
    AND (%(after)s::uuid IS NULL OR order_id > %(after)s::uuid)
ORDER BY order_id DESC
LIMIT %(limit)s::integer;

-- name: show_audit
-- Reads how an order and its attempts moved, for its story.
SELECT at, actor, subject, subject_id, source, event, target, cause
FROM audit
WHERE merchant_id = %(merchant_id)s::text
    AND subject_id = ANY(%(subject_ids)s::uuid[])
ORDER BY at, audit_id;
