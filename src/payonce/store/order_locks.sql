-- How the orders of purposes are locked: whoever decides about a purpose holds all of them, and decides alone.

-- name: wait_for_orders
-- Waits until nobody else decides about the purposes, so that the statement behind it sees what they decided.
SELECT order_id
FROM orders
WHERE merchant_id = %(merchant_id)s::text
    AND purpose = ANY(%(purposes)s::text[])
ORDER BY order_id
FOR UPDATE;

-- name: lock_orders
-- Locks the orders of the purposes, in the order of their ids, so that whoever decides about a purpose decides alone.
-- Released orders are history and stay out, but for the newest of a purpose, those that are named, and those of which
-- something may still be paid. Without purposes: those of the orders that are named; an order never changes its purpose.
SELECT order_id, reference, purpose, payer_reference, state, amount_minor, currency, received_minor, allocated_minor,
    refunded_minor, disputed_minor, token, created_at, opened_at, paid_at, closed_at, closed_reason, close_because,
    released_at, version, has_items
FROM orders AS o
WHERE merchant_id = %(merchant_id)s::text
    AND purpose = ANY(
        COALESCE(
            %(purposes)s::text[],
            ARRAY(
                SELECT named.purpose
                FROM orders AS named
                WHERE named.merchant_id = %(merchant_id)s::text
                    AND named.order_id = ANY(%(order_ids)s::uuid[])
            )
        )
    )
    AND (
        released_at IS NULL
        OR order_id = ANY(%(order_ids)s::uuid[])
        OR NOT EXISTS (
            SELECT 1
            FROM orders AS newer
            WHERE newer.merchant_id = o.merchant_id
                AND newer.purpose = o.purpose
                AND newer.order_id > o.order_id
        )
        OR EXISTS (
            SELECT 1
            FROM attempts AS a
            WHERE a.merchant_id = o.merchant_id
                AND a.purpose = o.purpose
                AND a.order_id = o.order_id
                AND a.state IN ('creating', 'open', 'pending', 'closing', 'in_doubt')
        )
    )
ORDER BY order_id
FOR UPDATE;

-- name: lock_free_orders
-- The same without waiting: of a purpose of which somebody holds an order, that order comes back without its values.
WITH wanted AS (
    SELECT order_id, purpose
    FROM orders AS o
    WHERE merchant_id = %(merchant_id)s::text
        AND purpose = ANY(
            COALESCE(
                %(purposes)s::text[],
                ARRAY(
                    SELECT named.purpose
                    FROM orders AS named
                    WHERE named.merchant_id = %(merchant_id)s::text
                        AND named.order_id = ANY(%(order_ids)s::uuid[])
                )
            )
        )
        AND (
            released_at IS NULL
            OR order_id = ANY(%(order_ids)s::uuid[])
            OR NOT EXISTS (
                SELECT 1
                FROM orders AS newer
                WHERE newer.merchant_id = o.merchant_id
                    AND newer.purpose = o.purpose
                    AND newer.order_id > o.order_id
            )
            OR EXISTS (
                SELECT 1
                FROM attempts AS a
                WHERE a.merchant_id = o.merchant_id
                    AND a.purpose = o.purpose
                    AND a.order_id = o.order_id
                    AND a.state IN ('creating', 'open', 'pending', 'closing', 'in_doubt')
            )
        )
),
free AS (
    SELECT order_id, reference, purpose, payer_reference, state, amount_minor, currency, received_minor, allocated_minor,
        refunded_minor, disputed_minor, token, created_at, opened_at, paid_at, closed_at, closed_reason, close_because,
        released_at, version, has_items
    FROM orders
    WHERE merchant_id = %(merchant_id)s::text
        AND order_id = ANY(ARRAY(SELECT wanted.order_id FROM wanted))
    ORDER BY order_id
    FOR UPDATE SKIP LOCKED
)
SELECT free.order_id, free.reference, free.purpose, free.payer_reference, free.state, free.amount_minor,
    free.currency, free.received_minor, free.allocated_minor, free.refunded_minor, free.disputed_minor,
    free.token, free.created_at, free.opened_at, free.paid_at, free.closed_at, free.closed_reason,
    free.close_because, free.released_at, free.version, free.has_items, wanted.order_id AS wanted_id,
    wanted.purpose AS wanted_purpose
FROM wanted
LEFT JOIN free
    ON free.order_id = wanted.order_id
ORDER BY wanted.order_id;
