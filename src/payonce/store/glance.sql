-- What an operator sees at a glance. All of it is bounded: a window of ids, small partial indexes, a newest few.

-- name: inflow
-- Counts the provider events of a while by how many buckets of time ago they came, the newest of them only.
SELECT GREATEST(floor(EXTRACT(EPOCH FROM %(now)s::timestamptz - newest.received_at) / %(bucket_seconds)s::integer), 0)
        ::integer AS bucket,
    count(*) AS events
FROM (
    SELECT received_at
    FROM events
    WHERE merchant_id = %(merchant_id)s::text
        AND event_id >= %(from_id)s::uuid
    ORDER BY event_id DESC
    LIMIT %(most)s::integer
) AS newest
GROUP BY 1
ORDER BY 1;

-- name: arrivals
-- Tells for each provider when an event of it last came by itself, and how late the newest ones were.
SELECT newest.provider, max(newest.received_at) AS last_at,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY newest.lag_seconds)::double precision AS p95_seconds
FROM (
    SELECT provider, received_at, EXTRACT(EPOCH FROM received_at - occurred_at) AS lag_seconds
    FROM events
    WHERE merchant_id = %(merchant_id)s::text
        AND event_id >= %(from_id)s::uuid
        AND source = 'webhook'
    ORDER BY event_id DESC
    LIMIT %(most)s::integer
) AS newest
GROUP BY newest.provider
ORDER BY newest.provider;

-- name: last_callbacks
-- Tells when each provider last called back, as the monitor saw it: for those that were silent for longer than a window.
SELECT provider, max(last_callback_at) AS last_at
FROM provider_silences
WHERE merchant_id = %(merchant_id)s::text
GROUP BY provider
ORDER BY provider;

-- name: waiting_events
-- Counts events that are not applied yet, and tells since when the oldest waits.
SELECT count(*) AS events, min(received_at) AS oldest_at
FROM events
WHERE merchant_id = %(merchant_id)s::text
    AND state IN ('received', 'failed');
