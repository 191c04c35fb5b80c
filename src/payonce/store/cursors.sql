-- name: begin_cursor
-- Enters a list that was never read. It begins before the account's first attempt, by a margin for clocks that are apart.
INSERT INTO cursors (merchant_id, provider, account, list, read_until)
SELECT %(merchant_id)s::text, %(provider)s::text, %(account)s::text, %(list)s::text,
    COALESCE(min(created_at), %(now)s::timestamptz) - %(margin)s::interval
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
ON CONFLICT (merchant_id, provider, account, list) DO NOTHING;

-- name: cursors_of_account
-- Says how far each list of an account was read.
SELECT list, read_until, resume_at, walked_at
FROM cursors
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text;

-- name: move_cursor
-- Moves a cursor on after what was read is stored; only whoever stands where it was last moved to does so.
UPDATE cursors
SET read_until = GREATEST(read_until, %(read_until)s::timestamptz),
    resume_at = %(resume_at)s::timestamptz,
    walked_at = COALESCE(%(walked_at)s::timestamptz, walked_at),
    entries_read = entries_read + %(entries_read)s::bigint,
    entries_new = entries_new + %(entries_new)s::bigint,
    entries_of_others = entries_of_others + %(entries_of_others)s::bigint
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND list = %(list)s::text
    AND read_until = %(stood_until)s::timestamptz
    AND resume_at IS NOT DISTINCT FROM %(stood_at)s::timestamptz
RETURNING read_until;

-- name: events_named
-- Says which events of a list are known, by webhook or by an earlier walk.
SELECT k.provider, k.account, k.event_key
FROM unnest(%(providers)s::text[], %(accounts)s::text[], %(keys)s::text[]) AS asked (provider, account, event_key)
JOIN event_keys AS k
    ON k.merchant_id = %(merchant_id)s::text
    AND k.provider = asked.provider
    AND k.account = asked.account
    AND k.event_key = asked.event_key;

-- name: refs_named
-- Says which attempts the references that a list names serve.
SELECT r.provider, r.account, r.kind, r.ref, r.attempt_id
FROM unnest(%(providers)s::text[], %(accounts)s::text[], %(kinds)s::text[], %(refs)s::text[])
    AS asked (provider, account, kind, ref)
JOIN provider_refs AS r
    ON r.merchant_id = %(merchant_id)s::text
    AND r.provider = asked.provider
    AND r.account = asked.account
    AND r.kind = asked.kind
    AND r.ref = asked.ref;

-- name: attempts_named
-- Says of attempts that a list names by their id how they stand.
SELECT attempt_id, order_id, provider, account, flow, state, handle_kind, handle_ref
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND attempt_id = ANY(%(attempt_ids)s::uuid[]);

-- name: attempts_of_refs_named
-- Says the same of attempts that a list names by a reference that is stored.
SELECT DISTINCT a.attempt_id, a.order_id, a.provider, a.account, a.flow, a.state, a.handle_kind, a.handle_ref
FROM unnest(%(providers)s::text[], %(accounts)s::text[], %(kinds)s::text[], %(refs)s::text[])
    AS asked (provider, account, kind, ref)
JOIN provider_refs AS r
    ON r.merchant_id = %(merchant_id)s::text
    AND r.provider = asked.provider
    AND r.account = asked.account
    AND r.kind = asked.kind
    AND r.ref = asked.ref
JOIN attempts AS a
    ON a.merchant_id = r.merchant_id
    AND a.attempt_id = r.attempt_id;

-- name: captures_named
-- Says how much is known to have come in by references that a list names.
SELECT c.provider, c.account, c.kind, c.ref, c.captured_minor
FROM unnest(%(providers)s::text[], %(accounts)s::text[], %(kinds)s::text[], %(refs)s::text[])
    AS asked (provider, account, kind, ref)
JOIN captures AS c
    ON c.merchant_id = %(merchant_id)s::text
    AND c.provider = asked.provider
    AND c.account = asked.account
    AND c.kind = asked.kind
    AND c.ref = asked.ref;

-- name: returns_named
-- Says how refunds and disputes that a list names are known to stand.
SELECT r.provider, r.account, r.kind, r.ref, r.nature, r.status, r.amount_minor, r.refund_id
FROM unnest(%(providers)s::text[], %(accounts)s::text[], %(kinds)s::text[], %(refs)s::text[])
    AS asked (provider, account, kind, ref)
JOIN returns AS r
    ON r.merchant_id = %(merchant_id)s::text
    AND r.provider = asked.provider
    AND r.account = asked.account
    AND r.kind = asked.kind
    AND r.ref = asked.ref;

-- name: attempts_to_recover
-- Finds unpaid attempts at an account whose provider lists nothing, ended ones included, for as long as it answers for
-- them. The pauses grow with the age; and each is asked about once more when it has expired.
SELECT attempt_id, order_id
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND state <> 'paid'
    AND created_at > %(now)s::timestamptz - %(horizon)s::interval
    AND (lease_until IS NULL OR lease_until <= %(now)s::timestamptz)
    AND (
        COALESCE(asked_at, created_at)
            <= %(now)s::timestamptz - GREATEST(%(pause)s::interval, (%(now)s::timestamptz - created_at) / 5)
        OR (
            expires_at + %(margin)s::interval <= %(now)s::timestamptz
            AND COALESCE(asked_at, created_at) < expires_at + %(margin)s::interval
        )
    )
ORDER BY COALESCE(asked_at, created_at), attempt_id
LIMIT %(limit)s::integer;
