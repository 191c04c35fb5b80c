-- The promises about stock as questions to the database; see invariants.sql, which says how they are asked and answered.

-- name: s19_pieces_are_free_held_or_sold
-- S19: free, held and sold pieces are all that there are, and none is counted below nothing.
SELECT s.merchant_id, 'stock:' || s.sku AS ref,
    'on hand ' || s.on_hand || ', free ' || s.free || ', held ' || s.held || ', sold ' || s.sold AS detail,
    s.changed_at AS since
FROM stock_items AS s
WHERE (%(merchant_id)s::text IS NULL OR s.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR s.changed_at >= %(since)s::timestamptz)
    AND (s.free + s.held + s.sold <> s.on_hand OR s.free < 0 OR s.held < 0 OR s.sold < 0)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s19_counts_are_reservations
-- S19: what is held and sold of an item is what orders hold and bought of it.
SELECT COALESCE(s.merchant_id, r.merchant_id) AS merchant_id, 'stock:' || COALESCE(s.sku, r.sku) AS ref,
    'held ' || COALESCE(s.held, 0) || ', orders hold ' || COALESCE(r.held, 0) || ', sold ' || COALESCE(s.sold, 0)
        || ', orders bought ' || COALESCE(r.sold, 0) AS detail,
    COALESCE(r.since, s.changed_at) AS since
FROM stock_items AS s
FULL JOIN (
    SELECT merchant_id, sku, sum(CASE state WHEN 'held' THEN quantity ELSE 0 END) AS held,
        sum(CASE state WHEN 'sold' THEN quantity ELSE 0 END) AS sold, max(reserved_at) AS since
    FROM reservations
    GROUP BY merchant_id, sku
) AS r
    ON r.merchant_id = s.merchant_id
    AND r.sku = s.sku
WHERE (%(merchant_id)s::text IS NULL OR COALESCE(s.merchant_id, r.merchant_id) = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR COALESCE(r.since, s.changed_at) >= %(since)s::timestamptz)
    AND (COALESCE(s.held, 0) <> COALESCE(r.held, 0) OR COALESCE(s.sold, 0) <> COALESCE(r.sold, 0))
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s19_orders_have_what_their_state_says
-- S19: an open order holds all that it asks for, a paid one bought it, a closed one and one that waits hold nothing.
SELECT o.merchant_id, 'order:' || o.order_id AS ref,
    'is ' || o.state || ', and ' || r.quantity || ' of ' || r.sku || ' are ' || r.state AS detail,
    o.created_at AS since
FROM orders AS o
JOIN reservations AS r
    ON r.merchant_id = o.merchant_id
    AND r.order_id = o.order_id
WHERE (%(merchant_id)s::text IS NULL OR o.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR o.created_at >= %(since)s::timestamptz)
    AND NOT (
        (o.state = 'waiting' AND r.state = 'wanted')
        OR (o.state = 'open' AND r.state = 'held')
        OR (o.state = 'paid' AND r.state IN ('sold', 'returned'))
        OR (o.state = 'closed' AND r.state IN ('wanted', 'returned'))
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s19_orders_know_that_they_have_items
-- S19: stock is looked for where an order says that it has items; one that does not say so would keep it for ever.
SELECT o.merchant_id, 'order:' || o.order_id AS ref,
    'has items: ' || o.has_items || ', reservations ' || count(r.sku) AS detail, o.created_at AS since
FROM orders AS o
LEFT JOIN reservations AS r
    ON r.merchant_id = o.merchant_id
    AND r.order_id = o.order_id
WHERE (%(merchant_id)s::text IS NULL OR o.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR o.created_at >= %(since)s::timestamptz)
GROUP BY o.merchant_id, o.order_id, o.has_items, o.created_at
HAVING o.has_items <> (count(r.sku) > 0)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s19_on_hand_was_said
-- S19: how many pieces there are changes only by what somebody said; the audit has every difference. They are summed and
-- not put in order, because the rows of two processes are not ordered by their clocks.
SELECT s.merchant_id, 'stock:' || s.sku AS ref,
    'on hand ' || s.on_hand || ', said ' || COALESCE(sum(a.target::bigint - a.source::bigint), 0) AS detail,
    s.changed_at AS since
FROM stock_items AS s
LEFT JOIN audit AS a
    ON a.merchant_id = s.merchant_id
    AND a.subject_id = s.stock_id
    AND a.subject = 'stock'
WHERE (%(merchant_id)s::text IS NULL OR s.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR s.changed_at >= %(since)s::timestamptz)
GROUP BY s.merchant_id, s.sku, s.on_hand, s.changed_at
HAVING COALESCE(sum(a.target::bigint - a.source::bigint), 0) <> s.on_hand
ORDER BY 1, 2
LIMIT %(limit)s::integer;
