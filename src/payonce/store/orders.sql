-- name: insert_order
-- Stores a new order; its reference and the hold on its purpose are unique.
INSERT INTO orders (
    merchant_id, order_id, reference, purpose, payer_reference, state, amount_minor, currency, token, success_url,
    cancel_url, metadata, created_at, opened_at, has_items
)
VALUES (
    %(merchant_id)s::text, %(order_id)s::uuid, %(reference)s::text, %(purpose)s::text, %(payer_reference)s::text,
    %(state)s::text, %(amount_minor)s::bigint, %(currency)s::text, %(token)s::text, %(success_url)s::text,
    %(cancel_url)s::text, %(metadata)s::jsonb, %(now)s::timestamptz, %(opened_at)s::timestamptz,
    %(has_items)s::boolean
);

-- name: insert_payer
-- Keeps what is personal apart from the order.
INSERT INTO payers (merchant_id, order_id, email, name)
VALUES (%(merchant_id)s::text, %(order_id)s::uuid, %(email)s::text, %(name)s::text);

-- name: order_by_reference
-- Finds which order has a reference already.
SELECT order_id, purpose
FROM orders
WHERE merchant_id = %(merchant_id)s::text
    AND reference = %(reference)s::text;

-- name: order_by_token
-- Finds the order that a link belongs to.
SELECT order_id
FROM orders
WHERE merchant_id = %(merchant_id)s::text
    AND token = %(token)s::text;

-- name: orders_by_tokens
-- Finds the orders that links belong to.
SELECT token, order_id
FROM orders
WHERE merchant_id = %(merchant_id)s::text
    AND token = ANY(%(tokens)s::text[]);

-- name: other_purposes_of_payer
-- Finds the purposes of every other unpaid order of a payer, for merchants who keep one open order per payer.
SELECT DISTINCT purpose
FROM orders
WHERE merchant_id = %(merchant_id)s::text
    AND payer_reference = %(payer_reference)s::text
    AND state IN ('open', 'waiting')
    AND purpose <> %(purpose)s::text
ORDER BY purpose;

-- name: checkout_facts
-- Reads what requests to a provider are made from, from our own rows only.
SELECT o.order_id, o.reference, o.success_url, o.cancel_url, p.email
FROM orders AS o
LEFT JOIN payers AS p
    ON p.merchant_id = o.merchant_id
    AND p.order_id = o.order_id
WHERE o.merchant_id = %(merchant_id)s::text
    AND o.order_id = ANY(%(order_ids)s::uuid[]);

-- name: insert_attempts
-- Stores attempts before their calls, with the exact request bytes; one live attempt per purpose, by constraint.
INSERT INTO attempts (
    merchant_id, attempt_id, order_id, purpose, number, provider, account, flow, state, amount_minor, currency,
    request_method, request_path, request_body, request_key, request_version, fence, lease_until, expires_at, created_at,
    sent_at, handle_kind, handle_ref, watch_until
)
SELECT
    %(merchant_id)s::text, n.attempt_id, n.order_id, n.purpose, n.number, n.provider, n.account, n.flow, 'creating',
    n.amount_minor, n.currency, n.method, n.path, n.body, n.key, n.version, n.fence, n.lease_until, n.expires_at,
    %(now)s::timestamptz, %(now)s::timestamptz, n.handle_kind, n.handle_ref, n.watch_until
FROM unnest(
    %(attempt_ids)s::uuid[], %(order_ids)s::uuid[], %(purposes)s::text[], %(numbers)s::integer[],
    %(providers)s::text[], %(accounts)s::text[], %(flows)s::text[], %(amounts)s::bigint[], %(currencies)s::text[],
    %(methods)s::text[], %(paths)s::text[], %(bodies)s::bytea[], %(keys)s::text[], %(versions)s::text[],
    %(fences)s::integer[], %(leases)s::timestamptz[], %(expires)s::timestamptz[], %(handle_kinds)s::text[], %(handle_refs)s::text[],
    %(watches)s::timestamptz[]
) AS n (
    attempt_id, order_id, purpose, number, provider, account, flow, amount_minor, currency, method, path, body, key,
    version, fence, lease_until, expires_at, handle_kind, handle_ref, watch_until
);

-- name: refs_of_attempt
-- Finds the other objects of a provider that an attempt is paid by, to ask for each.
SELECT kind, ref
FROM provider_refs
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = (
        SELECT order_id
        FROM attempts
        WHERE merchant_id = %(merchant_id)s::text
            AND attempt_id = %(attempt_id)s::uuid
    )
    AND attempt_id = %(attempt_id)s::uuid
    AND kind = ANY(%(kinds)s::text[])
ORDER BY kind, ref;

-- name: attempt_request
-- Reads the stored request of an attempt, to send the same bytes again.
SELECT request_method, request_path, request_body, request_key, request_version
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND attempt_id = %(attempt_id)s::uuid;

-- name: insert_receipts
-- Writes that orders were answered for: "already done" is said only after a COMMIT that wrote something. When the answer
-- of that COMMIT was lost, the next run writes the same receipts again, so that it has written as well.
INSERT INTO receipts (merchant_id, receipt_id, order_id, answer, at)
SELECT %(merchant_id)s::text, n.receipt_id, n.order_id, n.answer, %(now)s::timestamptz
FROM unnest(%(receipt_ids)s::uuid[], %(order_ids)s::uuid[], %(answers)s::text[]) AS n (receipt_id, order_id, answer)
ON CONFLICT (merchant_id, receipt_id) DO UPDATE
SET order_id = excluded.order_id, answer = excluded.answer, at = excluded.at;

-- name: attempts_to_ask
-- Finds attempts that someone must ask the provider about: unwanted, in doubt, or long unasked. The pauses grow with the
-- attempt's age, from half a minute to ten minutes; of what is abandoned to an hour; of what ended at a provider where
-- money still comes afterwards, and is watched for a while, to a day.
SELECT a.attempt_id, a.order_id, a.purpose
FROM attempts AS a
WHERE a.merchant_id = %(merchant_id)s::text
    AND (
        a.state IN ('creating', 'open', 'pending', 'closing', 'in_doubt', 'abandoned')
        OR a.watch_until > %(now)s::timestamptz
    )
    -- The object of such a one is asked about as what it is: the payment of another order.
    AND (a.close_because IS NULL OR a.close_because <> 'served_elsewhere')
    AND (a.lease_until IS NULL OR a.lease_until <= %(now)s::timestamptz)
    AND (
        -- Marked in a caller's own transaction, which could not close it at the provider: nobody has tried yet.
        (a.state = 'closing' AND a.asked_at IS NULL)
        OR (
            a.state IN ('creating', 'closing', 'in_doubt')
            AND COALESCE(a.asked_at, a.created_at) <= %(soon)s::timestamptz
            AND COALESCE(a.asked_at, a.created_at)
                <= %(now)s::timestamptz - LEAST((%(now)s::timestamptz - a.created_at) / 10, INTERVAL '10 minutes')
        )
        OR (
            a.state IN ('open', 'pending', 'abandoned')
            AND COALESCE(a.asked_at, a.created_at) <= %(late)s::timestamptz
            AND COALESCE(a.asked_at, a.created_at) <= %(now)s::timestamptz - LEAST(
                (%(now)s::timestamptz - a.created_at) / 10,
                CASE a.state WHEN 'abandoned' THEN INTERVAL '1 hour' ELSE INTERVAL '10 minutes' END
            )
        )
        OR (
            a.state IN ('paid', 'failed', 'closed')
            AND COALESCE(a.asked_at, a.created_at) <= %(late)s::timestamptz
            AND COALESCE(a.asked_at, a.created_at)
                <= %(now)s::timestamptz - LEAST((%(now)s::timestamptz - a.created_at) / 10, INTERVAL '1 day')
        )
    )
ORDER BY COALESCE(a.asked_at, a.created_at), a.attempt_id
LIMIT %(limit)s::integer;

-- name: captures_to_confirm
-- Finds held money that only an event told of: the provider is asked before anything late is decided. What was asked
-- about longest ago comes first, so that reads which fail hold nothing else up.
SELECT c.attempt_id, c.order_id, c.provider, c.account, c.kind, c.ref
FROM captures AS c
JOIN attempts AS a
    ON a.merchant_id = c.merchant_id
    AND a.attempt_id = c.attempt_id
WHERE c.merchant_id = %(merchant_id)s::text
    AND NOT c.is_confirmed
    AND c.captured_minor > c.allocated_minor + c.surplus_minor
ORDER BY a.asked_at NULLS FIRST, c.captured_at
LIMIT %(limit)s::integer;

-- name: orders_to_close
-- Finds open orders that are older than allowed or marked to be closed, and orders that wait behind them. Those with a
-- payment on its way are left out: they cannot be closed now, and would stand before the others at every run.
SELECT order_id
FROM orders AS o
WHERE merchant_id = %(merchant_id)s::text
    AND (
        (state = 'open' AND opened_at <= %(before)s::timestamptz)
        OR (state = 'open' AND close_because IS NOT NULL)
        OR state = 'waiting'
    )
    AND NOT EXISTS (
        SELECT 1
        FROM attempts AS a
        WHERE a.merchant_id = o.merchant_id
            AND a.purpose = o.purpose
            AND a.state = 'pending'
    )
    AND (%(after)s::uuid IS NULL OR order_id > %(after)s::uuid)
ORDER BY order_id
LIMIT %(limit)s::integer;
