-- name: days
-- Shows the days that were looked at, the newest first, with how many differences are open.
SELECT w.provider, w.account, w.day, w.state, w.from_at, w.to_at, w.records, w.matched, w.foreign_records, w.trouble,
    w.compared_at, w.read_until,
    (SELECT count(*) FROM reconcile_lines AS l
        WHERE l.merchant_id = w.merchant_id AND l.provider = w.provider AND l.account = w.account AND l.day = w.day
            AND l.state = 'open' AND l.class <> 'timing') AS differences,
    (SELECT count(*) FROM reconcile_lines AS l
        WHERE l.merchant_id = w.merchant_id AND l.provider = w.provider AND l.account = w.account AND l.day = w.day
            AND l.state = 'open' AND l.class = 'timing') AS timing
FROM reconcile_windows AS w
WHERE w.merchant_id = %(merchant_id)s::text
    AND (%(provider)s::text IS NULL OR w.provider = %(provider)s::text)
    AND (%(account)s::text IS NULL OR w.account = %(account)s::text)
    AND (%(first)s::date IS NULL OR w.day >= %(first)s::date)
    AND (%(last)s::date IS NULL OR w.day <= %(last)s::date)
    AND (
        %(after_day)s::date IS NULL
        OR w.day < %(after_day)s::date
        OR (w.day = %(after_day)s::date AND (w.provider, w.account) > (%(after_provider)s::text, %(after_account)s::text))
    )
ORDER BY w.day DESC, w.provider, w.account
LIMIT %(limit)s::integer;

-- name: sums
-- Shows the sums of some days.
SELECT provider, account, day, currency, charges, gross_minor, fees_minor, refunds_minor, disputes_minor, other_minor,
    net_minor, ours_gross_minor, ours_refunds_minor, ours_disputes_minor
FROM reconcile_sums
WHERE merchant_id = %(merchant_id)s::text
    AND day >= %(first)s::date
    AND day <= %(last)s::date
ORDER BY day, provider, account, currency;

-- name: lines
-- Shows the lines of a day, open ones first; a page at a time, so that a bad day is no burden.
SELECT provider, account, day, object_kind, object_ref, nature, class AS line_class, state, theirs_minor, ours_minor, currency,
    ours_currency, records, order_id, attempt_id, occurred_at, first_seen_at, last_seen_at, resolved_at
FROM reconcile_lines
WHERE merchant_id = %(merchant_id)s::text
    AND day = %(day)s::date
    AND (%(provider)s::text IS NULL OR provider = %(provider)s::text)
    AND (%(account)s::text IS NULL OR account = %(account)s::text)
    AND (%(is_open)s::boolean IS NULL OR (state = 'open') = %(is_open)s::boolean)
    AND (provider, account, object_kind, object_ref)
        > (%(after_provider)s::text, %(after_account)s::text, %(after_kind)s::text, %(after_ref)s::text)
ORDER BY provider, account, object_kind, object_ref
LIMIT %(limit)s::integer;

-- name: open_differences
-- Adds up by how much both sides differ, for metrics. What may still match by itself is left out.
SELECT provider, currency, sum(abs(COALESCE(theirs_minor, 0) - COALESCE(ours_minor, 0)))::bigint AS diff_minor
FROM reconcile_lines
WHERE merchant_id = %(merchant_id)s::text
    AND state = 'open'
    AND class <> 'timing'
GROUP BY provider, currency
ORDER BY provider, currency;
