-- What comparing finds: lines that do not match, what is asked about them, and the sums of a day.

-- name: write_lines
-- Keeps what does not match; a line that is seen again is the same line.
INSERT INTO reconcile_lines (
    merchant_id, provider, account, day, object_kind, object_ref, nature, class, state, theirs_minor, ours_minor, currency,
    ours_currency, records, capture_kind, capture_ref, order_id, attempt_id, occurred_at, comparison, first_seen_at,
    last_seen_at
)
SELECT %(merchant_id)s::text, %(provider)s::text, %(account)s::text, %(day)s::date, object_kind, object_ref, nature, class,
    'open', theirs_minor, ours_minor, currency, ours_currency, records, capture_kind, capture_ref, order_id, attempt_id,
    occurred_at, %(comparison)s::integer, %(now)s::timestamptz, %(now)s::timestamptz
FROM unnest(
    %(object_kinds)s::text[], %(object_refs)s::text[], %(natures)s::text[], %(classes)s::text[], %(theirs)s::bigint[],
    %(ours)s::bigint[], %(currencies)s::text[], %(ours_currencies)s::text[], %(records)s::integer[],
    %(capture_kinds)s::text[], %(capture_refs)s::text[], %(order_ids)s::uuid[], %(attempt_ids)s::uuid[],
    %(times)s::timestamptz[]
) AS new (
    object_kind, object_ref, nature, class, theirs_minor, ours_minor, currency, ours_currency, records, capture_kind,
    capture_ref, order_id, attempt_id, occurred_at
)
ORDER BY object_kind, object_ref
ON CONFLICT (merchant_id, provider, account, day, object_kind, object_ref) DO UPDATE
SET class = excluded.class,
    state = 'open',
    theirs_minor = excluded.theirs_minor,
    ours_minor = excluded.ours_minor,
    currency = excluded.currency,
    ours_currency = excluded.ours_currency,
    records = excluded.records,
    order_id = excluded.order_id,
    attempt_id = excluded.attempt_id,
    occurred_at = excluded.occurred_at,
    comparison = excluded.comparison,
    last_seen_at = excluded.last_seen_at,
    resolved_at = NULL;

-- name: lines_to_settle
-- Finds what a provider has and we do not, of attempts that are known here: it is asked, and what it says is joined.
SELECT l.object_kind, l.object_ref, l.nature, l.capture_kind, l.capture_ref, l.order_id, a.attempt_id, a.handle_kind,
    a.handle_ref, a.created_at
FROM reconcile_lines AS l
JOIN attempts AS a
    ON a.merchant_id = l.merchant_id
    AND a.attempt_id = l.attempt_id
    AND a.provider = l.provider
    AND a.account = l.account
WHERE l.merchant_id = %(merchant_id)s::text
    AND l.provider = %(provider)s::text
    AND l.account = %(account)s::text
    AND l.day = %(day)s::date
    AND l.state = 'open'
    AND l.comparison = %(comparison)s::integer
    AND l.asked < %(comparison)s::integer
    AND l.class IN ('only_there', 'duplicate', 'differs')
ORDER BY l.object_kind, l.object_ref
LIMIT %(limit)s::integer;

-- name: note_asked
-- Notes that the provider was asked about these lines in this comparison.
UPDATE reconcile_lines
SET asked = %(comparison)s::integer
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND day = %(day)s::date
    AND object_ref = ANY(%(refs)s::text[])
    AND comparison = %(comparison)s::integer;

-- name: open_lines
-- Finds what is open after a comparison, one batch after another, so that each becomes a finding.
SELECT object_kind, object_ref, nature, class AS line_class, theirs_minor, ours_minor, currency, order_id
FROM reconcile_lines
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND day = %(day)s::date
    AND (object_kind, object_ref) > (%(after_kind)s::text, %(after_ref)s::text)
    AND comparison = %(comparison)s::integer
    AND state = 'open'
ORDER BY object_kind, object_ref
LIMIT %(most)s::integer;

-- name: lines_gone
-- Resolves lines that a newer comparison did not find any more.
UPDATE reconcile_lines
SET state = 'resolved',
    resolved_at = %(now)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND day = %(day)s::date
    AND (object_kind, object_ref) IN (
        SELECT l.object_kind, l.object_ref
        FROM reconcile_lines AS l
        WHERE l.merchant_id = %(merchant_id)s::text
            AND l.provider = %(provider)s::text
            AND l.account = %(account)s::text
            AND l.day = %(day)s::date
            AND l.state = 'open'
            AND l.comparison < %(comparison)s::integer
        ORDER BY l.object_kind, l.object_ref
        LIMIT %(most)s::integer
    )
RETURNING object_kind, object_ref;

-- name: still_open
-- Finds which of these objects another day still has a line of; its finding stays.
SELECT object_kind, object_ref
FROM reconcile_lines
WHERE merchant_id = %(merchant_id)s::text
    AND provider = %(provider)s::text
    AND account = %(account)s::text
    AND object_ref = ANY(%(refs)s::text[])
    AND state = 'open'
    AND day <> %(day)s::date;

-- name: sum_returns
-- Adds up what went back on the day, by currency and by when we saw it first. A currency that a newer file has nothing of
-- any more is there with nothing.
SELECT currency, sum(refunds)::bigint AS ours_refunds, sum(disputes)::bigint AS ours_disputes
FROM (
    SELECT currency, COALESCE(-sum(returned_minor) FILTER (WHERE nature = 'refund'), 0) AS refunds,
        COALESCE(-sum(returned_minor) FILTER (WHERE nature = 'dispute'), 0) AS disputes
    FROM returns
    WHERE merchant_id = %(merchant_id)s::text
        AND provider = %(provider)s::text
        AND account = %(account)s::text
        AND first_seen_at >= %(from_at)s::timestamptz
        AND first_seen_at < %(to_at)s::timestamptz
    GROUP BY currency
    UNION ALL
    SELECT currency, 0, 0
    FROM reconcile_sums
    WHERE merchant_id = %(merchant_id)s::text
        AND provider = %(provider)s::text
        AND account = %(account)s::text
        AND day = %(day)s::date
) AS moved
GROUP BY currency
ORDER BY currency;

-- name: is_summed
-- Says whether a day has sums; one that an older version compared, which added up when it closed a day, may have none yet.
SELECT EXISTS (
    SELECT 1
    FROM reconcile_sums
    WHERE merchant_id = %(merchant_id)s::text
        AND provider = %(provider)s::text
        AND account = %(account)s::text
        AND day = %(day)s::date
) AS is_summed;

-- name: keep_sums
-- Keeps the sums of a day.
INSERT INTO reconcile_sums (
    merchant_id, provider, account, day, currency, charges, gross_minor, fees_minor, refunds_minor, disputes_minor,
    other_minor, net_minor, ours_gross_minor, ours_refunds_minor, ours_disputes_minor
)
SELECT %(merchant_id)s::text, %(provider)s::text, %(account)s::text, %(day)s::date, currency, charges, gross_minor,
    fees_minor, refunds_minor, disputes_minor, other_minor, net_minor, ours_gross_minor, ours_refunds_minor,
    ours_disputes_minor
FROM unnest(
    %(currencies)s::text[], %(charges)s::bigint[], %(gross)s::bigint[], %(fees)s::bigint[], %(refunds)s::bigint[],
    %(disputes)s::bigint[], %(other)s::bigint[], %(net)s::bigint[], %(ours_gross)s::bigint[],
    %(ours_refunds)s::bigint[], %(ours_disputes)s::bigint[]
) AS new (
    currency, charges, gross_minor, fees_minor, refunds_minor, disputes_minor, other_minor, net_minor, ours_gross_minor,
    ours_refunds_minor, ours_disputes_minor
)
ORDER BY currency
ON CONFLICT (merchant_id, provider, account, day, currency) DO UPDATE
SET charges = excluded.charges,
    gross_minor = excluded.gross_minor,
    fees_minor = excluded.fees_minor,
    refunds_minor = excluded.refunds_minor,
    disputes_minor = excluded.disputes_minor,
    other_minor = excluded.other_minor,
    net_minor = excluded.net_minor,
    ours_gross_minor = excluded.ours_gross_minor,
    ours_refunds_minor = excluded.ours_refunds_minor,
    ours_disputes_minor = excluded.ours_disputes_minor;
