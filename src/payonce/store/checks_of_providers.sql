-- What the monitor asks about providers, and about how people who wanted to pay were answered; see checks.sql.

-- name: events_of_window
-- E15: for each account, when it called back last in a window of ids, and how many of its events there were.
SELECT provider, account, max(received_at) AS last_callback_at
FROM events
WHERE merchant_id = %(merchant_id)s::text
    AND event_id >= %(from_id)s::uuid
    AND event_id < %(to_id)s::uuid
    AND source = 'webhook'
GROUP BY provider, account
ORDER BY provider, account;

-- name: payments_of_window
-- E15: for each account, the payments that were posted in a window of ids. The ledger is in order of time, and captures
-- are found by its orders.
SELECT c.provider, c.account, count(*) AS payments, min(e.posted_at) AS first_payment_at, max(e.posted_at)
        AS last_payment_at
FROM (
    SELECT order_id, min(posted_at) AS posted_at
    FROM entries
    WHERE merchant_id = %(merchant_id)s::text
        AND entry_id >= %(from_id)s::uuid
        AND entry_id < %(to_id)s::uuid
    GROUP BY order_id
) AS e
JOIN captures AS c
    ON c.merchant_id = %(merchant_id)s::text
    AND c.order_id = e.order_id
    AND c.captured_at >= e.posted_at
GROUP BY c.provider, c.account
ORDER BY c.provider, c.account;

-- name: silences
-- E15: what is known of each account's callbacks so far, locked so that two looks do not count one window twice.
SELECT provider, account, looked_until, last_callback_at, first_payment_at, payments
FROM provider_silences
WHERE merchant_id = %(merchant_id)s::text
ORDER BY provider, account
FOR UPDATE;

-- name: keep_silences
-- E15: notes what is known of each account's callbacks now.
INSERT INTO provider_silences (
    merchant_id, provider, account, looked_until, last_callback_at, first_payment_at, payments
)
SELECT %(merchant_id)s::text, provider, account, %(looked_until)s::timestamptz, last_callback_at, first_payment_at,
    payments
FROM unnest(
    %(providers)s::text[], %(accounts)s::text[], %(last_callbacks)s::timestamptz[], %(first_payments)s::timestamptz[],
    %(payments)s::bigint[]
) AS new (provider, account, last_callback_at, first_payment_at, payments)
ORDER BY provider, account
ON CONFLICT (merchant_id, provider, account) DO UPDATE
SET looked_until = excluded.looked_until,
    last_callback_at = excluded.last_callback_at,
    first_payment_at = excluded.first_payment_at,
    payments = excluded.payments;

-- name: webhook_lags
-- How late events came, for each account, of the newest of a window; a provider that names no time is left out.
SELECT newest.provider, newest.account, count(*) AS events,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY newest.lag_seconds)::double precision AS p95_seconds
FROM (
    SELECT provider, account, EXTRACT(EPOCH FROM received_at - occurred_at) AS lag_seconds
    FROM events
    WHERE merchant_id = %(merchant_id)s::text
        AND event_id >= %(from_id)s::uuid
        AND source = 'webhook'
        AND occurred_at IS NOT NULL
    ORDER BY event_id DESC
    LIMIT %(most)s::integer
) AS newest
GROUP BY newest.provider, newest.account
ORDER BY newest.provider, newest.account;

-- name: unhandled_of_window
-- B11: types that nobody handles, among the events behind the last one that was looked at.
SELECT looked.provider, looked.type, count(*) FILTER (WHERE looked.is_unhandled) AS events,
    max(looked.received_at) AS last_at, max(looked.event_id::text) AS mark
FROM (
    SELECT event_id, provider, type, received_at, state = 'ignored' AND reason = 'unhandled_type' AS is_unhandled
    FROM events
    WHERE merchant_id = %(merchant_id)s::text
        AND event_id > %(after)s::uuid
        AND event_id < %(to_id)s::uuid
    ORDER BY event_id
    LIMIT %(most)s::integer
) AS looked
GROUP BY looked.provider, looked.type
ORDER BY looked.provider, looked.type;

-- name: checkouts_since
-- D13: how people who wanted to pay were answered, since some minute.
SELECT minute, outcome, answers
FROM checkout_counts
WHERE merchant_id = %(merchant_id)s::text
    AND minute >= %(since)s::timestamptz
ORDER BY minute, outcome;

-- name: add_checkouts
-- D13: adds what a process counted; many processes add to one minute, in one order, so that they do not lock each other.
INSERT INTO checkout_counts (merchant_id, minute, outcome, answers)
SELECT merchant_id, minute, outcome, answers
FROM unnest(%(merchants)s::text[], %(minutes)s::timestamptz[], %(outcomes)s::text[], %(answers)s::bigint[])
    AS new (merchant_id, minute, outcome, answers)
ORDER BY merchant_id, minute, outcome
ON CONFLICT (merchant_id, minute, outcome) DO UPDATE
SET answers = checkout_counts.answers + excluded.answers;
