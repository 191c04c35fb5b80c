-- A day of an account is a window. One worker at a time moves it from reading to closed, a batch in each transaction; the
-- fence says whose turn it is, and the cursor where the next one goes on.

-- name: first_attempt
-- Finds when an account was first used. Ids rise with time, so the first row in their order is the oldest.
SELECT created_at
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
ORDER BY attempt_id
LIMIT 1;

-- name: windows_of_account
-- Shows every window of an account, with whether anything of it is still open, so that what is due can be chosen.
SELECT w.day, w.state, w.to_at, w.compared_at, w.read_from, w.read_until,
    EXISTS (
        SELECT 1
        FROM reconcile_lines AS l
        WHERE l.merchant_id = w.merchant_id
            AND l.provider = w.provider
            AND l.account = w.account
            AND l.day = w.day
            AND l.state = 'open'
    ) AS has_open,
    EXISTS (
        SELECT 1
        FROM money_records AS r
        WHERE r.merchant_id = w.merchant_id
            AND r.provider = w.provider
            AND r.account = w.account
            AND r.day = w.day
            AND r.first_seen_at > w.compared_at
            -- Said of the window, so that the records of other days are not read for it.
            AND w.day >= %(recent)s::date
            AND w.compared_at IS NOT NULL
    ) AS has_news
FROM reconcile_windows AS w
WHERE w.merchant_id = %(merchant_id)s::text
    AND w.provider = %(provider)s::text
    AND w.account = %(account)s::text
ORDER BY w.day;

-- name: compared_days
-- Shows which days of an account were compared, so that those that were not can be named.
SELECT day
FROM reconcile_windows
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND compared_at IS NOT NULL
ORDER BY day;

-- name: open_window
-- Makes the window of a day, where there is none yet.
INSERT INTO reconcile_windows (merchant_id, provider, account, day, from_at, to_at, state, began_at)
VALUES (
    %(merchant_id)s::text, %(provider)s::text, %(account)s::text, %(day)s::date, %(from_at)s::timestamptz,
    %(to_at)s::timestamptz, 'reading', %(now)s::timestamptz
)
ON CONFLICT (merchant_id, provider, account, day) DO NOTHING;

-- name: lock_window
-- Locks a window, so that one worker decides about it.
SELECT provider, account, day, from_at, to_at, state, cursor, fence, lease_until, reading, read_until_wanted, read_from,
    read_until, news, passes, comparison, rounds, settled, records, matched, foreign_records, trouble, compared_at
FROM reconcile_windows
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND day = %(day)s::date
FOR UPDATE;

-- name: write_window
-- Writes a locked window as it stands after a batch.
UPDATE reconcile_windows
SET state = %(state)s::text,
    cursor = %(cursor)s::text,
    fence = %(fence)s::integer,
    lease_until = %(lease_until)s::timestamptz,
    reading = %(reading)s::integer,
    read_until_wanted = %(read_until_wanted)s::timestamptz,
    read_from = %(read_from)s::timestamptz,
    read_until = %(read_until)s::timestamptz,
    news = %(news)s::integer,
    passes = %(passes)s::integer,
    comparison = %(comparison)s::integer,
    rounds = %(rounds)s::integer,
    settled = %(settled)s::integer,
    records = %(records)s::bigint,
    matched = %(matched)s::bigint,
    foreign_records = %(foreign_records)s::bigint,
    trouble = %(trouble)s::text,
    compared_at = %(compared_at)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND day = %(day)s::date;

-- name: coverage
-- Shows what of a provider's books is known, so that what lies near an edge of it is not called missing.
SELECT read_from, read_until
FROM reconcile_windows
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND read_until >= %(since)s::timestamptz;

-- name: known_records
-- Counts which records of a page are known already: a list is read to its end when a pass brings nothing new.
SELECT count(*) AS known
FROM money_records
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND record_ref = ANY(%(refs)s::text[]);

-- name: lock_account
-- Locks what all who keep records of an account lock, so that of two records of one object the later one is seen to be that.
SELECT day
FROM reconcile_windows
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
ORDER BY day
LIMIT 1
FOR UPDATE;

-- name: known_objects
-- Finds which objects of a page have other records already.
SELECT DISTINCT t.object_kind, t.object_ref
FROM unnest(%(refs)s::text[], %(object_kinds)s::text[], %(object_refs)s::text[]) AS t (
    record_ref, object_kind, object_ref
)
JOIN money_records AS r
    ON r.merchant_id = %(merchant_id)s::text
    AND r.provider = %(provider)s::text
    AND r.account = %(account)s::text
    AND r.object_kind = t.object_kind
    AND r.object_ref = t.object_ref
    AND r.record_ref <> t.record_ref;

-- name: not_alone
-- Notes of the first records of these objects that others came, so that none of them is taken for all of its object.
UPDATE money_records
SET is_first = false
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND (object_kind, object_ref) IN (
        SELECT t.object_kind, t.object_ref
        FROM unnest(%(object_kinds)s::text[], %(object_refs)s::text[]) AS t (object_kind, object_ref)
    )
    AND is_first;

-- name: stage_records
-- Keeps what the provider tells. What a record says can change while its day stays: a day that was closed keeps its sums.
INSERT INTO money_records (
    merchant_id, provider, account, record_ref, day, nature, kind, object_kind, object_ref, object_minor,
    object_currency, capture_kind, capture_ref, attempt_id, amount_minor, fee_minor, currency, occurred_at, reading,
    first_seen_at, is_first
)
SELECT %(merchant_id)s::text, %(provider)s::text, %(account)s::text, record_ref, day, nature, kind, object_kind,
    object_ref, object_minor, object_currency, capture_kind, capture_ref, attempt_id, amount_minor, fee_minor, currency,
    occurred_at, %(reading)s::integer, %(now)s::timestamptz, is_first
FROM unnest(
    %(refs)s::text[], %(days)s::date[], %(natures)s::text[], %(record_kinds)s::text[], %(object_kinds)s::text[],
    %(object_refs)s::text[], %(object_minors)s::bigint[], %(object_currencies)s::text[], %(capture_kinds)s::text[],
    %(capture_refs)s::text[], %(attempt_ids)s::uuid[], %(amounts)s::bigint[], %(fees)s::bigint[], %(currencies)s::text[],
    %(times)s::timestamptz[], %(firsts)s::boolean[]
) AS new (
    record_ref, day, nature, kind, object_kind, object_ref, object_minor, object_currency, capture_kind, capture_ref,
    attempt_id, amount_minor, fee_minor, currency, occurred_at, is_first
)
ORDER BY record_ref
ON CONFLICT (merchant_id, provider, account, record_ref) DO UPDATE
SET nature = excluded.nature,
    kind = excluded.kind,
    object_kind = excluded.object_kind,
    object_ref = excluded.object_ref,
    object_minor = excluded.object_minor,
    object_currency = excluded.object_currency,
    capture_kind = excluded.capture_kind,
    capture_ref = excluded.capture_ref,
    attempt_id = excluded.attempt_id,
    amount_minor = excluded.amount_minor,
    fee_minor = excluded.fee_minor,
    currency = excluded.currency,
    reading = excluded.reading,
    withdrawn_at = NULL;

-- name: withdraw_records
-- Sets aside what a newer settlement file of the day does not hold any more; it is kept, and counts no longer.
UPDATE money_records
SET withdrawn_at = %(now)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND day = %(day)s::date
    AND reading < %(reading)s::integer
    AND withdrawn_at IS NULL;

-- name: set_here
-- Sets what the server allows itself, until COMMIT. One that knows no such setting goes on without it.
SELECT set_config(name, %(setting)s::text, true) AS setting
FROM pg_settings
WHERE name = %(name)s::text;

-- name: learn_records
-- Lets the planner know of many new records, which it would take for a handful and join row by row. Only of the columns
-- that a comparison looks at: the rest would double the time. Of those that nothing is known of, it takes most rows for
-- withdrawn, and then hashes the wider side, in a table that is too small.
ANALYZE money_records (merchant_id, provider, account, day, nature, object_ref, occurred_at, withdrawn_at);

-- name: learn_captures
-- The same of captures, before a day with many of them is compared.
ANALYZE captures (merchant_id, provider, account, captured_at, ref);

-- name: learn_returns
-- The same of refunds and disputes.
ANALYZE returns (merchant_id, provider, account, first_seen_at, ref);
