-- name: insert_event_keys
-- Makes each event known once and for ever; whoever comes second finds the first one's id. Sorted against deadlocks.
INSERT INTO event_keys (merchant_id, provider, account, event_key, event_id, body_hash)
SELECT %(merchant_id)s::text, provider, account, event_key, event_id, body_hash
FROM unnest(
    %(providers)s::text[], %(accounts)s::text[], %(keys)s::text[], %(event_ids)s::uuid[], %(hashes)s::bytea[]
) AS new (provider, account, event_key, event_id, body_hash)
ORDER BY provider, account, event_key, event_id
ON CONFLICT (merchant_id, provider, account, event_key) DO NOTHING;

-- name: known_events
-- Says under which id each key is known, what became of it, and its stored body where other bytes came by the same name.
SELECT k.provider, k.account, k.event_key, k.event_id, e.state, asked.event_id AS asked_id,
    CASE WHEN k.body_hash <> asked.body_hash AND e.erased_at IS NULL THEN e.body END AS other_body
FROM unnest(
    %(providers)s::text[], %(accounts)s::text[], %(keys)s::text[], %(event_ids)s::uuid[], %(hashes)s::bytea[]
) AS asked (provider, account, event_key, event_id, body_hash)
JOIN event_keys AS k
    ON k.merchant_id = %(merchant_id)s::text
    AND k.provider = asked.provider
    AND k.account = asked.account
    AND k.event_key = asked.event_key
LEFT JOIN events AS e
    ON e.merchant_id = k.merchant_id
    AND e.event_id = k.event_id;

-- name: insert_events
-- Stores events as received, raw bytes, together with what became of them.
INSERT INTO events (
    merchant_id, event_id, provider, account, source, event_key, type, state, reason, order_id, attempt_id, tries,
    next_try_at, received_at, occurred_at, request_id, trace_id, body
)
SELECT %(merchant_id)s::text, event_id, provider, account, source, event_key, type, state, reason, order_id, attempt_id,
    tries, next_try_at, %(now)s::timestamptz, occurred_at, request_id, trace_id, body
FROM unnest(
    %(event_ids)s::uuid[], %(providers)s::text[], %(accounts)s::text[], %(sources)s::text[], %(keys)s::text[],
    %(types)s::text[], %(states)s::text[], %(reasons)s::text[], %(order_ids)s::uuid[], %(attempt_ids)s::uuid[],
    %(tries)s::integer[], %(next_tries)s::timestamptz[], %(occurred)s::timestamptz[], %(request_ids)s::text[],
    %(trace_ids)s::text[], %(bodies)s::bytea[]
) AS new (
    event_id, provider, account, source, event_key, type, state, reason, order_id, attempt_id, tries, next_try_at,
    occurred_at, request_id, trace_id, body
)
ON CONFLICT (merchant_id, event_id) DO NOTHING;

-- name: update_events
-- Writes what became of events that were stored before.
UPDATE events AS e
SET state = new.state,
    reason = new.reason,
    order_id = COALESCE(new.order_id, e.order_id),
    attempt_id = COALESCE(new.attempt_id, e.attempt_id),
    tries = new.tries,
    next_try_at = new.next_try_at
FROM unnest(
    %(event_ids)s::uuid[], %(states)s::text[], %(reasons)s::text[], %(order_ids)s::uuid[], %(attempt_ids)s::uuid[],
    %(tries)s::integer[], %(next_tries)s::timestamptz[]
) AS new (event_id, state, reason, order_id, attempt_id, tries, next_try_at)
WHERE e.merchant_id = %(merchant_id)s::text
    AND e.event_id = new.event_id;

-- name: due_events
-- Finds stored events whose next try has come, the oldest first.
SELECT event_id
FROM events
WHERE merchant_id = %(merchant_id)s::text
    AND state IN ('received', 'failed')
    AND next_try_at <= %(now)s::timestamptz
ORDER BY next_try_at, event_id
LIMIT %(limit)s::integer;

-- name: lock_event
-- Holds one stored event for its next try; another worker that holds it already is left alone.
SELECT event_id, provider, account, source, event_key, type, state, reason, tries, request_id, trace_id, body,
    received_at, order_id, erased_at
FROM events
WHERE merchant_id = %(merchant_id)s::text
    AND event_id = %(event_id)s::uuid
FOR UPDATE SKIP LOCKED;

-- name: event_to_read
-- Reads a stored event whose provider must be asked before it is believed.
SELECT provider, account, source, body
FROM events
WHERE merchant_id = %(merchant_id)s::text
    AND event_id = %(event_id)s::uuid;

-- name: list_events
-- Shows stored events to people, the newest first, without their bodies.
SELECT event_id, provider, account, source, event_key, type, state, reason, order_id, attempt_id, tries, next_try_at,
    received_at, occurred_at
FROM events
WHERE merchant_id = %(merchant_id)s::text
    AND (%(state)s::text IS NULL OR state = %(state)s::text)
    AND (%(type)s::text IS NULL OR type = %(type)s::text)
    AND (%(order_id)s::uuid IS NULL OR order_id = %(order_id)s::uuid)
    AND (%(before)s::uuid IS NULL OR event_id < %(before)s::uuid)
ORDER BY event_id DESC
LIMIT %(limit)s::integer;

-- name: show_event
-- Shows one stored event with its body, or when that was erased.
SELECT event_id, provider, account, source, event_key, type, state, reason, order_id, attempt_id, tries, next_try_at,
    received_at, occurred_at, request_id, trace_id, body, erased_at
FROM events
WHERE merchant_id = %(merchant_id)s::text
    AND event_id = %(event_id)s::uuid;

-- name: count_unhandled
-- Counts the event types that were stored and are not handled (B11).
SELECT provider, type, count(*) AS events, max(received_at) AS last_at
FROM events
WHERE merchant_id = %(merchant_id)s::text
    AND state = 'ignored'
    AND reason = 'unhandled_type'
GROUP BY provider, type
ORDER BY count(*) DESC, type;
