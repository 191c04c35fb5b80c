-- Stock: how many pieces of an item are free, held and sold, and what each order has of them. Locks are taken last, in the
-- order of the skus, by whoever decides about an order that asks for some.

-- name: load_reservations
-- Loads what locked orders ask for; it changes only under the lock of its order.
SELECT order_id, sku, quantity, state
FROM reservations
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY order_id, sku;

-- name: lock_stock
-- Locks the items that locked orders ask for, and those that are named, in the order of the skus.
SELECT stock_id, sku, free, held, sold
FROM stock_items
WHERE merchant_id = %(merchant_id)s::text
    AND (
        sku = ANY(%(skus)s::text[])
        OR sku IN (
            SELECT r.sku
            FROM reservations AS r
            WHERE r.merchant_id = %(merchant_id)s::text
                AND r.order_id = ANY(%(order_ids)s::uuid[])
        )
    )
ORDER BY sku
FOR UPDATE;

-- name: upsert_reservations
-- Writes what orders ask for and have; the quantity never changes.
INSERT INTO reservations (merchant_id, order_id, sku, quantity, state, reserved_at)
SELECT %(merchant_id)s::text, order_id, sku, quantity, state, %(now)s::timestamptz
FROM unnest(%(order_ids)s::uuid[], %(skus)s::text[], %(quantities)s::bigint[], %(states)s::text[])
    AS new (order_id, sku, quantity, state)
ORDER BY order_id, sku
ON CONFLICT (merchant_id, order_id, sku) DO UPDATE
SET state = excluded.state;

-- name: update_stock
-- Writes the counts of locked items; their sum stays what it was.
UPDATE stock_items AS s
SET free = new.free,
    held = new.held,
    sold = new.sold
FROM unnest(%(skus)s::text[], %(free)s::bigint[], %(held)s::bigint[], %(sold)s::bigint[])
    AS new (sku, free, held, sold)
WHERE s.merchant_id = %(merchant_id)s::text
    AND s.sku = new.sku;

-- name: insert_stock
-- Begins to count an item.
INSERT INTO stock_items (merchant_id, stock_id, sku, on_hand, free, held, sold, changed_at)
VALUES (
    %(merchant_id)s::text, %(stock_id)s::uuid, %(sku)s::text, %(on_hand)s::bigint, %(on_hand)s::bigint, 0, 0,
    %(now)s::timestamptz
);

-- name: set_on_hand
-- Says how many pieces of a locked item there are; only the free ones can become more or fewer.
UPDATE stock_items
SET on_hand = %(on_hand)s::bigint,
    free = %(free)s::bigint,
    changed_at = %(now)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND sku = %(sku)s::text;

-- name: show_stock
-- Reads one item for people.
SELECT sku, on_hand, free, held, sold, changed_at
FROM stock_items
WHERE merchant_id = %(merchant_id)s::text
    AND sku = %(sku)s::text;

-- name: list_stock
-- Lists items for people, by sku; a page goes on after the last sku of the one before.
SELECT sku, on_hand, free, held, sold, changed_at
FROM stock_items
WHERE merchant_id = %(merchant_id)s::text
    AND (%(after)s::text IS NULL OR sku > %(after)s::text)
ORDER BY sku
LIMIT %(limit)s::integer;
