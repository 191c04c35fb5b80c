-- Comparing, in slices of time so that each statement is short and memory stays flat whatever the day holds. Most of a day
-- is plain: one record, and the same amount here within minutes. Both sides of a slice are read once and joined once, by
-- hash. What is not plain comes out by name, and is looked up by key with all that tells why.

-- name: slice_end
-- Finds the last record of the next slice of a day; none where what is left is less than a slice.
SELECT occurred_at, record_ref
FROM money_records
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND day = %(day)s::date
    AND (occurred_at, record_ref) > (%(after_at)s::timestamptz, %(after_ref)s::text)
ORDER BY occurred_at, record_ref
LIMIT 1
OFFSET %(others)s::bigint;

-- name: last_record
-- Finds the last record of a day, where its last slice ends.
SELECT occurred_at, record_ref
FROM money_records
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND day = %(day)s::date
    AND (occurred_at, record_ref) > (%(after_at)s::timestamptz, %(after_ref)s::text)
ORDER BY occurred_at DESC, record_ref DESC
LIMIT 1;

-- name: not_plain
-- Finds what is not plainly matched in a slice: their records but for charges of the same amount as here whose object has
-- no other record, and what came in here without a record of it within minutes. The join is a full one, which has no plan
-- that looks each row up by its key, whatever the planner thinks of their number.
SELECT moved_at, is_theirs, record_ref, object_kind, object_ref
FROM (
    SELECT COALESCE(t.occurred_at, o.captured_at) AS moved_at, t.record_ref IS NOT NULL AS is_theirs, t.record_ref,
        COALESCE(t.object_kind, o.kind) AS object_kind, COALESCE(t.object_ref, o.ref) AS object_ref
    FROM (
        SELECT occurred_at, record_ref, object_kind, object_ref, object_minor, object_currency,
            nature = 'charge' AND is_first AS may_be_plain,
            day = %(day)s::date
            AND (occurred_at, record_ref) > (%(after_at)s::timestamptz, %(after_ref)s::text)
            AND (occurred_at, record_ref) <= (%(upto_at)s::timestamptz, %(upto_ref)s::text) AS in_slice
        FROM money_records
        WHERE merchant_id = %(merchant_id)s::text
            AND provider = %(provider)s::text
            AND account = %(account)s::text
            AND day = ANY(%(near_days)s::date[])
            AND occurred_at >= %(near_from)s::timestamptz
            AND occurred_at <= %(near_to)s::timestamptz
            AND nature <> 'other'
            AND withdrawn_at IS NULL
    ) AS t
    FULL JOIN (
        SELECT captured_at, kind, ref, captured_minor, currency,
            (captured_at, kind, ref)
            > (%(ours_after_at)s::timestamptz, %(ours_after_kind)s::text, %(ours_after_ref)s::text)
            AND captured_at < %(ours_to_at)s::timestamptz AS in_slice
        FROM captures
        WHERE merchant_id = %(merchant_id)s::text
            AND provider = %(provider)s::text
            AND account = %(account)s::text
            AND captured_at >= %(near_from)s::timestamptz
            AND captured_at <= %(near_to)s::timestamptz
    ) AS o
        ON o.kind = t.object_kind
        AND o.ref = t.object_ref
    WHERE (
            t.in_slice
            AND (
                o.ref IS NULL
                OR NOT t.may_be_plain
                OR o.captured_minor <> t.object_minor
                OR o.currency <> t.object_currency
            )
        )
        OR (o.in_slice AND t.record_ref IS NULL)
) AS unlike
ORDER BY moved_at, is_theirs, record_ref, object_kind, object_ref
LIMIT %(most)s::integer;

-- name: sum_slice
-- Adds up a slice by currency: their records, how many of them are about an object, and what came in here meanwhile.
SELECT currency, sum(records)::bigint AS records, sum(charges)::bigint AS charges, sum(gross)::bigint AS gross,
    sum(fees)::bigint AS fees, sum(refunds)::bigint AS refunds, sum(disputes)::bigint AS disputes,
    sum(other)::bigint AS other, sum(ours_gross)::bigint AS ours_gross
FROM (
    SELECT currency, count(*) FILTER (WHERE nature <> 'other') AS records,
        count(*) FILTER (WHERE nature = 'charge') AS charges,
        COALESCE(sum(amount_minor) FILTER (WHERE nature = 'charge'), 0) AS gross, sum(fee_minor) AS fees,
        COALESCE(sum(amount_minor) FILTER (WHERE nature = 'refund'), 0) AS refunds,
        COALESCE(sum(amount_minor) FILTER (WHERE nature = 'dispute'), 0) AS disputes,
        COALESCE(sum(amount_minor) FILTER (WHERE nature = 'other'), 0) AS other, 0 AS ours_gross
    FROM money_records
    WHERE merchant_id = %(merchant_id)s::text
        AND provider = %(provider)s::text
        AND account = %(account)s::text
        AND day = %(day)s::date
        AND (occurred_at, record_ref) > (%(after_at)s::timestamptz, %(after_ref)s::text)
        AND (occurred_at, record_ref) <= (%(upto_at)s::timestamptz, %(upto_ref)s::text)
        AND withdrawn_at IS NULL
    GROUP BY currency
    UNION ALL
    SELECT currency, 0, 0, 0, 0, 0, 0, 0, sum(captured_minor)
    FROM captures
    WHERE merchant_id = %(merchant_id)s::text
        AND provider = %(provider)s::text
        AND account = %(account)s::text
        AND (captured_at, kind, ref)
        > (%(ours_after_at)s::timestamptz, %(ours_after_kind)s::text, %(ours_after_ref)s::text)
        AND (captured_at, kind, ref)
        <= (%(ours_upto_at)s::timestamptz, %(ours_upto_kind)s::text, %(ours_upto_ref)s::text)
    GROUP BY currency
) AS moved
GROUP BY currency
ORDER BY currency;

-- name: unmatched_theirs
-- Finds those of the objects of which both sides do not say the same, with all that tells why. An object counts with its
-- records of all days, because a refund can fail on another day than it was made on.
WITH theirs AS (
    SELECT t.object_kind, t.object_ref, min(r.nature) AS nature, min(r.object_currency) AS currency,
        sum(r.object_minor)::bigint AS theirs_minor, count(*) FILTER (WHERE r.object_minor > 0) AS records,
        max(r.occurred_at) AS occurred_at, max(r.attempt_id::text)::uuid AS attempt_id,
        min(r.capture_kind) AS capture_kind, min(r.capture_ref) AS capture_ref
    FROM unnest(%(object_kinds)s::text[], %(object_refs)s::text[]) AS t (object_kind, object_ref)
    JOIN money_records AS r
        ON r.merchant_id = %(merchant_id)s::text
        AND r.provider = %(provider)s::text
        AND r.account = %(account)s::text
        AND r.object_kind = t.object_kind
        AND r.object_ref = t.object_ref
        AND r.withdrawn_at IS NULL
    GROUP BY t.object_kind, t.object_ref
),
unlike AS (
    SELECT t.object_kind, t.object_ref, t.nature, t.currency, t.theirs_minor, t.records, t.occurred_at, t.capture_kind,
        t.capture_ref, COALESCE(c.captured_minor, -b.returned_minor) AS ours_minor,
        COALESCE(c.currency, b.currency) AS ours_currency, b.status AS ours_status, t.attempt_id AS named_attempt_id,
        COALESCE(c.attempt_id, b.attempt_id, t.attempt_id) AS attempt_id, COALESCE(c.order_id, b.order_id) AS order_id
    FROM theirs AS t
    LEFT JOIN captures AS c
        ON c.merchant_id = %(merchant_id)s::text
        AND c.provider = %(provider)s::text
        AND c.account = %(account)s::text
        AND c.kind = t.object_kind
        AND c.ref = t.object_ref
    LEFT JOIN returns AS b
        ON b.merchant_id = %(merchant_id)s::text
        AND b.provider = %(provider)s::text
        AND b.account = %(account)s::text
        AND b.kind = t.object_kind
        AND b.ref = t.object_ref
    WHERE COALESCE(c.captured_minor, -b.returned_minor, 0) <> t.theirs_minor
        OR (COALESCE(c.currency, b.currency, t.currency) <> t.currency AND t.theirs_minor <> 0)
)
SELECT u.object_kind, u.object_ref, u.nature, u.currency, u.theirs_minor, u.records, u.occurred_at, u.capture_kind,
    u.capture_ref, u.ours_minor, u.ours_currency, u.ours_status,
    COALESCE(a.attempt_id, p.attempt_id, s.attempt_id) AS attempt_id,
    COALESCE(u.order_id, a.order_id, p.order_id, s.order_id) AS order_id,
    (
        u.ours_minor IS NOT NULL OR u.named_attempt_id IS NOT NULL OR p.ref IS NOT NULL OR s.ref IS NOT NULL
    ) AS is_ours,
    (
        u.nature = 'charge' AND u.ours_minor IS NULL AND EXISTS (
            SELECT 1
            FROM captures AS o
            WHERE o.merchant_id = a.merchant_id
                AND o.order_id = a.order_id
                AND o.attempt_id = a.attempt_id
        )
    ) AS is_second,
    (
        SELECT max(e.posted_at)
        FROM entries AS e
        JOIN postings AS l
            ON l.merchant_id = e.merchant_id
            AND l.entry_id = e.entry_id
        WHERE e.merchant_id = %(merchant_id)s::text
            AND e.order_id = u.order_id
            AND l.account = %(clearing)s::text
    ) AS ours_moved_at
FROM unlike AS u
LEFT JOIN attempts AS a
    ON a.merchant_id = %(merchant_id)s::text
    AND a.attempt_id = u.attempt_id
    AND a.provider = %(provider)s::text
    AND a.account = %(account)s::text
LEFT JOIN provider_refs AS p
    ON p.merchant_id = %(merchant_id)s::text
    AND p.provider = %(provider)s::text
    AND p.account = %(account)s::text
    AND p.kind = u.object_kind
    AND p.ref = u.object_ref
LEFT JOIN provider_refs AS s
    ON s.merchant_id = %(merchant_id)s::text
    AND s.provider = %(provider)s::text
    AND s.account = %(account)s::text
    AND s.kind = u.capture_kind
    AND s.ref = u.capture_ref
ORDER BY u.object_kind, u.object_ref;

-- name: captures_only_here
-- Finds which of these the provider's records do not have on any day.
SELECT c.captured_at AS at, c.kind AS object_kind, c.ref AS object_ref, 'charge' AS nature, c.captured_minor AS ours_minor,
    c.currency, NULL AS ours_status, c.order_id, c.attempt_id, NULL AS capture_kind, NULL AS capture_ref
FROM unnest(%(kinds)s::text[], %(refs)s::text[]) AS t (kind, ref)
JOIN captures AS c
    ON c.merchant_id = %(merchant_id)s::text
    AND c.provider = %(provider)s::text
    AND c.account = %(account)s::text
    AND c.kind = t.kind
    AND c.ref = t.ref
WHERE NOT EXISTS (
    SELECT 1
    FROM money_records AS r
    WHERE r.merchant_id = %(merchant_id)s::text
        AND r.provider = %(provider)s::text
        AND r.account = %(account)s::text
        AND r.object_kind = t.kind
        AND r.object_ref = t.ref
        AND r.withdrawn_at IS NULL
)
ORDER BY c.captured_at, c.kind, c.ref;

-- name: next_returns
-- Takes the next refunds and disputes that we saw on a day. What a person sent by other means, or said, is none of the
-- provider's.
SELECT first_seen_at AS at, kind, ref
FROM returns
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND first_seen_at < %(to_at)s::timestamptz
    AND (first_seen_at, kind, ref) > (%(after_at)s::timestamptz, %(after_kind)s::text, %(after_ref)s::text)
    AND returned_minor > 0
    AND kind NOT IN ('by_hand', 'by_word')
ORDER BY first_seen_at, kind, ref
LIMIT %(most)s::integer;

-- name: returns_only_here
-- Finds which of these the provider's records do not have on any day.
SELECT b.first_seen_at AS at, b.kind AS object_kind, b.ref AS object_ref, b.nature, -b.returned_minor AS ours_minor,
    b.currency, b.status AS ours_status, b.order_id, b.attempt_id, b.capture_kind, b.capture_ref
FROM unnest(%(kinds)s::text[], %(refs)s::text[]) AS t (kind, ref)
JOIN returns AS b
    ON b.merchant_id = %(merchant_id)s::text
    AND b.provider = %(provider)s::text
    AND b.account = %(account)s::text
    AND b.kind = t.kind
    AND b.ref = t.ref
WHERE NOT EXISTS (
    SELECT 1
    FROM money_records AS r
    WHERE r.merchant_id = %(merchant_id)s::text
        AND r.provider = %(provider)s::text
        AND r.account = %(account)s::text
        AND r.object_kind = t.kind
        AND r.object_ref = t.ref
        AND r.withdrawn_at IS NULL
)
ORDER BY b.first_seen_at, b.kind, b.ref;
