-- name: refunds_due
-- Finds refunds that are to be sent, asked about or followed now, and that nobody is at.
SELECT refund_id, order_id
FROM refunds
WHERE merchant_id = %(merchant_id)s::text
    AND due_at <= %(now)s::timestamptz
    AND (lease_until IS NULL OR lease_until <= %(now)s::timestamptz)
ORDER BY due_at, refund_id
LIMIT %(limit)s::integer;

-- name: refund_request
-- Reads the request of a refund as it was stored before its first sending, to send the same bytes again.
SELECT request_method, request_path, request_body, request_key, request_version
FROM refunds
WHERE merchant_id = %(merchant_id)s::text
    AND refund_id = %(refund_id)s::uuid;

-- name: store_refund_request
-- Stores the exact request of a refund, once, before it is sent.
UPDATE refunds
SET request_method = %(method)s::text,
    request_path = %(path)s::text,
    request_body = %(body)s::bytea,
    request_key = %(key)s::text,
    request_version = %(version)s::text
WHERE merchant_id = %(merchant_id)s::text
    AND refund_id = %(refund_id)s::uuid
    AND request_body IS NULL;

-- name: take_of_the_day
-- Counts a refund against what may go back by itself on this day, atomically for all workers. No row: it does not fit.
INSERT INTO refund_days AS days (merchant_id, day, currency, automatic_minor, limit_minor)
SELECT %(merchant_id)s::text, %(day)s::date, %(currency)s::text, %(amount_minor)s::bigint, %(limit_minor)s::bigint
WHERE %(amount_minor)s::bigint <= %(limit_minor)s::bigint
ON CONFLICT (merchant_id, day, currency) DO UPDATE
SET automatic_minor = days.automatic_minor + excluded.automatic_minor,
    limit_minor = excluded.limit_minor
WHERE days.automatic_minor + excluded.automatic_minor <= excluded.limit_minor
RETURNING automatic_minor;

-- name: refund_place
-- Finds the order of a refund, before its book is loaded under lock.
SELECT order_id
FROM refunds
WHERE merchant_id = %(merchant_id)s::text
    AND refund_id = %(refund_id)s::uuid;

-- name: refunds_of_orders
-- Reads the refunds of orders for people, the oldest first.
SELECT refund_id, order_id, attempt_id, provider, account, capture_kind, capture_ref, serves, state, amount_minor,
    currency, reason, asked_by, ref, decline, created_at, due_at, sent_at, ended_at
FROM refunds
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY order_id, refund_id;

-- name: page_of_refunds
-- Lists refunds for people and programs, the newest first; a page goes on after the last id of the one before.
SELECT refund_id, order_id, attempt_id, provider, account, capture_kind, capture_ref, serves, state, amount_minor,
    currency, reason, asked_by, ref, decline, created_at, due_at, sent_at, ended_at
FROM refunds
WHERE merchant_id = %(merchant_id)s::text
    AND (%(state)s::text IS NULL OR state = %(state)s::text)
    AND (%(order_id)s::uuid IS NULL OR order_id = %(order_id)s::uuid)
    AND (%(before)s::uuid IS NULL OR refund_id < %(before)s::uuid)
ORDER BY refund_id DESC
LIMIT %(limit)s::integer;

-- name: refunds_by_id
-- Reads refunds by their ids, the oldest first.
SELECT refund_id, order_id, attempt_id, provider, account, capture_kind, capture_ref, serves, state, amount_minor,
    currency, reason, asked_by, ref, decline, created_at, due_at, sent_at, ended_at
FROM refunds
WHERE merchant_id = %(merchant_id)s::text
    AND refund_id = ANY(%(refund_ids)s::uuid[])
ORDER BY refund_id;

-- name: planned_refunds
-- Reads what waits for approval, the oldest first, with the purpose whose book decides about it.
SELECT r.refund_id, r.order_id, r.attempt_id, r.provider, r.account, r.capture_kind, r.capture_ref, r.serves, r.state,
    r.amount_minor, r.currency, r.reason, r.asked_by, r.ref, r.decline, r.created_at, r.due_at, r.sent_at, r.ended_at,
    o.purpose
FROM refunds AS r
JOIN orders AS o
    ON o.merchant_id = r.merchant_id
    AND o.order_id = r.order_id
WHERE r.merchant_id = %(merchant_id)s::text
    AND r.state = 'planned'
ORDER BY r.refund_id
LIMIT %(limit)s::integer;
