-- Silences: what somebody does not want to be told of for a while, who says so, and why.

-- name: insert_silence
-- Begins a silence; the same one again changes nothing.
INSERT INTO silences (
    merchant_id, silence_id, kind, severity, provider, order_id, author, reason, begins_at, ends_at
)
VALUES (
    %(merchant_id)s::text, %(silence_id)s::uuid, %(kind)s::text, %(severity)s::text, %(provider)s::text,
    %(order_id)s::uuid, %(author)s::text, %(reason)s::text, %(now)s::timestamptz, %(ends_at)s::timestamptz
)
ON CONFLICT (merchant_id, silence_id) DO NOTHING;

-- name: lock_silence
-- Holds a silence while somebody ends it.
SELECT silence_id, kind, severity, provider, order_id, author, reason, begins_at, ends_at, ended_by, ended_why,
    announced_at
FROM silences
WHERE merchant_id = %(merchant_id)s::text
    AND silence_id = %(silence_id)s::uuid
FOR UPDATE;

-- name: end_silence
-- Brings the end of a silence forward to now.
UPDATE silences
SET ends_at = %(now)s::timestamptz,
    ended_by = %(ended_by)s::text,
    ended_why = %(ended_why)s::text
WHERE merchant_id = %(merchant_id)s::text
    AND silence_id = %(silence_id)s::uuid
    AND ends_at > %(now)s::timestamptz;

-- name: lock_ended
-- Takes up silences whose end is not announced yet.
SELECT silence_id, kind, severity, provider, order_id
FROM silences
WHERE merchant_id = %(merchant_id)s::text
    AND announced_at IS NULL
    AND ends_at <= %(now)s::timestamptz
ORDER BY silence_id
LIMIT %(limit)s::integer
FOR UPDATE SKIP LOCKED;

-- name: mark_announced
-- Remembers that alerts were made of the ends of these silences.
UPDATE silences
SET announced_at = %(now)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND silence_id = ANY(%(silence_ids)s::uuid[])
    AND announced_at IS NULL;

-- name: silences_in_force
-- Reads the silences that hold now.
SELECT silence_id, kind, severity, provider, order_id
FROM silences
WHERE merchant_id = %(merchant_id)s::text
    AND announced_at IS NULL
    AND begins_at <= %(now)s::timestamptz
    AND ends_at > %(now)s::timestamptz
ORDER BY silence_id;

-- name: list_silences
-- Shows silences to people, the newest first, with how many alerts each held.
SELECT silences.silence_id, silences.kind, silences.severity, silences.provider, silences.order_id, silences.author,
    silences.reason, silences.begins_at, silences.ends_at, silences.ended_by, silences.ended_why,
    silences.ends_at > %(now)s::timestamptz AS holds,
    (
        SELECT count(*)
        FROM alerts
        WHERE alerts.merchant_id = silences.merchant_id
            AND alerts.silence_id = silences.silence_id
    ) AS held
FROM silences
WHERE silences.merchant_id = %(merchant_id)s::text
    AND (NOT %(only_in_force)s::boolean OR silences.ends_at > %(now)s::timestamptz)
    AND (%(before)s::uuid IS NULL OR silences.silence_id < %(before)s::uuid)
ORDER BY silences.silence_id DESC
LIMIT %(limit)s::integer;
