-- name: upsert_findings
-- Opens findings, or counts up those of the same fingerprint that are not resolved, so that one difference is one row.
-- One that was resolved before opens anew as `regressed`, with its earlier owner. A change worth telling raises `change`.
INSERT INTO findings (
    merchant_id, finding_id, kind, fingerprint, severity, owner, state, order_id, money_minor, currency, detail,
    first_seen_at, last_seen_at, deadline_at, provider, evidence, counted, orders, found_by, earlier_id, changed_as,
    changed_at, told_money_minor, told_counted
)
SELECT %(merchant_id)s::text, new.finding_id, new.kind, new.fingerprint, new.severity, COALESCE(earlier.owner, new.owner),
    CASE WHEN earlier.finding_id IS NULL THEN 'open' ELSE 'regressed' END,
    new.order_id, new.money_minor, new.currency, new.detail::jsonb, %(now)s::timestamptz, %(now)s::timestamptz,
    new.deadline_at, new.provider, new.evidence::jsonb, COALESCE(new.counted, 1), new.orders, new.found_by,
    earlier.finding_id, CASE WHEN earlier.finding_id IS NULL THEN 'opened' ELSE 'regressed' END,
    %(now)s::timestamptz, new.money_minor, COALESCE(new.counted, 1)
FROM unnest(
    %(finding_ids)s::uuid[], %(kinds)s::text[], %(fingerprints)s::text[], %(severities)s::text[], %(owners)s::text[],
    %(order_ids)s::uuid[], %(money)s::bigint[], %(currencies)s::text[], %(details)s::text[],
    %(deadlines)s::timestamptz[], %(providers)s::text[], %(evidence)s::text[], %(counted)s::bigint[],
    %(orders)s::bigint[], %(found_by)s::text[]
) AS new (
    finding_id, kind, fingerprint, severity, owner, order_id, money_minor, currency, detail, deadline_at, provider,
    evidence, counted, orders, found_by
)
LEFT JOIN LATERAL (
    SELECT f.finding_id, f.owner
    FROM findings AS f
    WHERE f.merchant_id = %(merchant_id)s::text
        AND f.fingerprint = new.fingerprint
        AND f.state = 'resolved'
    ORDER BY f.finding_id DESC
    LIMIT 1
) AS earlier
    ON true
ORDER BY new.fingerprint
ON CONFLICT (merchant_id, fingerprint) WHERE state <> 'resolved' DO UPDATE
SET seen = findings.seen + 1,
    last_seen_at = excluded.last_seen_at,
    money_minor = excluded.money_minor,
    currency = COALESCE(excluded.currency, findings.currency),
    detail = excluded.detail,
    evidence = excluded.evidence,
    provider = COALESCE(excluded.provider, findings.provider),
    orders = excluded.orders;

-- name: weigh_findings
-- Says how much the findings that were just seen count, and whether that is worth telling: one that was ignored until now
-- wakes, one that is ten times what was told of it, or graver than it was, has grown.
UPDATE findings AS f
SET counted = weighed.counted,
    severity = weighed.severity,
    state = CASE WHEN weighed.wakes THEN 'open' ELSE f.state END,
    change = f.change + CASE WHEN weighed.wakes OR weighed.grew THEN 1 ELSE 0 END,
    changed_as = CASE WHEN weighed.wakes THEN 'woken' WHEN weighed.grew THEN 'grown' ELSE f.changed_as END,
    changed_at = CASE WHEN weighed.wakes OR weighed.grew THEN %(now)s::timestamptz ELSE f.changed_at END,
    told_money_minor = CASE WHEN weighed.wakes OR weighed.grew THEN f.money_minor ELSE f.told_money_minor END,
    told_counted = CASE WHEN weighed.wakes OR weighed.grew THEN weighed.counted ELSE f.told_counted END
FROM (
    SELECT known.finding_id, known.counted, CASE WHEN known.is_graver THEN known.new_severity ELSE known.severity END
            AS severity,
        known.state = 'ignored'
            AND (
                known.ignored_until <= %(now)s::timestamptz
                OR known.counted >= known.ignored_until_counted
                OR known.orders >= known.ignored_until_orders
            ) IS TRUE AS wakes,
        known.state <> 'ignored'
            AND (
                known.is_graver
                OR known.money_minor >= %(grown)s::integer * GREATEST(known.told_money_minor, 1)
                -- A check that looks every half hour at one thing does not make it more.
                OR (known.is_counted AND known.counted >= %(grown)s::integer * known.told_counted)
            ) AS grew
    FROM (
        SELECT old.finding_id, old.state, old.severity, old.money_minor, old.told_money_minor, old.told_counted,
            old.orders, old.ignored_until, old.ignored_until_counted, old.ignored_until_orders,
            COALESCE(new.counted, old.seen) AS counted, new.severity AS new_severity,
            new.counted IS NOT NULL OR old.found_by IS NULL AS is_counted,
            CASE new.severity WHEN 'critical' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END
                > CASE old.severity WHEN 'critical' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END AS is_graver
        FROM unnest(%(fingerprints)s::text[], %(counted)s::bigint[], %(severities)s::text[])
            AS new (fingerprint, counted, severity)
        JOIN findings AS old
            ON old.merchant_id = %(merchant_id)s::text
            AND old.fingerprint = new.fingerprint
            AND old.resolved_at IS NULL
    ) AS known
) AS weighed
WHERE f.merchant_id = %(merchant_id)s::text
    AND f.finding_id = weighed.finding_id;

-- name: resolve_findings
-- Closes findings whose difference is gone, with the reason. `resolved_at` says the same as the state, and no index is of it:
-- a server that has heard of no open ones would look through all of them, however many came since.
UPDATE findings
SET state = 'resolved',
    resolved_at = %(now)s::timestamptz,
    resolved_why = %(why)s::text,
    resolved_by = 'payonce',
    change = change + 1,
    changed_as = 'resolved',
    changed_at = %(now)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND fingerprint = ANY(%(fingerprints)s::text[])
    AND resolved_at IS NULL;

-- name: open_of_check
-- Which findings of a check are not resolved, in the order in which they are locked everywhere.
SELECT finding_id, fingerprint, kind, order_id, evidence, counted, last_seen_at
FROM findings
WHERE merchant_id = %(merchant_id)s::text
    AND found_by = %(found_by)s::text
    AND state <> 'resolved'
ORDER BY fingerprint;

-- name: answered_findings
-- Which lasting facts a person answered already, and how much they counted then: a fact of the past does not come back.
SELECT f.fingerprint, max(f.counted) AS counted
FROM findings AS f
WHERE f.merchant_id = %(merchant_id)s::text
    AND f.fingerprint = ANY(%(fingerprints)s::text[])
    AND f.state = 'resolved'
    AND f.resolved_by <> 'payonce'
GROUP BY f.fingerprint;

-- name: wake_findings
-- Ends the rest of findings whose time is over, though nothing saw them again.
UPDATE findings
SET state = 'open',
    change = change + 1,
    changed_as = 'woken',
    changed_at = %(now)s::timestamptz,
    told_money_minor = money_minor,
    told_counted = counted
WHERE merchant_id = %(merchant_id)s::text
    AND state = 'ignored'
    AND ignored_until <= %(now)s::timestamptz
RETURNING finding_id;

-- name: mark_overdue
-- Says once of each finding that nobody resolved it in its time; one that is ignored has another time.
UPDATE findings
SET is_overdue = true,
    change = change + 1,
    changed_as = 'overdue',
    changed_at = %(now)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND state NOT IN ('resolved', 'ignored')
    AND deadline_at < %(now)s::timestamptz
    AND NOT is_overdue
RETURNING finding_id;

-- name: lock_finding
-- Holds one finding until COMMIT, so that a person and the monitor act on it one after the other.
SELECT finding_id, state, counted, orders, owner, kind, order_id
FROM findings
WHERE merchant_id = %(merchant_id)s::text
    AND finding_id = %(finding_id)s::uuid
FOR UPDATE;

-- name: acknowledge_finding
-- Notes who looks into it.
UPDATE findings
SET state = 'acknowledged',
    acknowledged_by = %(actor)s::text,
    acknowledged_at = %(now)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND finding_id = %(finding_id)s::uuid;

-- name: ignore_finding
-- Lets it rest until the first of its ends: a time, so many more of what it counts, so many more orders.
UPDATE findings
SET state = 'ignored',
    ignored_by = %(actor)s::text,
    ignored_at = %(now)s::timestamptz,
    ignored_why = %(why)s::text,
    ignored_until = %(until)s::timestamptz,
    ignored_until_counted = counted + %(more)s::bigint,
    ignored_until_orders = orders + %(more_orders)s::bigint
WHERE merchant_id = %(merchant_id)s::text
    AND finding_id = %(finding_id)s::uuid;

-- name: assign_finding
-- Gives it to somebody.
UPDATE findings
SET owner = %(owner)s::text
WHERE merchant_id = %(merchant_id)s::text
    AND finding_id = %(finding_id)s::uuid;

-- name: resolve_finding
-- Takes a person's word that nothing is left to do.
UPDATE findings
SET state = 'resolved',
    resolved_at = %(now)s::timestamptz,
    resolved_why = %(why)s::text,
    resolved_by = %(actor)s::text,
    change = change + 1,
    changed_as = 'resolved',
    changed_at = %(now)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND finding_id = %(finding_id)s::uuid;

-- name: page_of_findings
-- Lists findings for people and programs, the newest first; a page goes on after the last id of the one before.
SELECT finding_id, kind, severity, owner, state, order_id, money_minor, currency, detail, seen, first_seen_at,
    last_seen_at, deadline_at, resolved_at, resolved_why, provider, evidence, counted, orders, is_overdue, change,
    changed_as, changed_at, earlier_id, acknowledged_by, acknowledged_at, ignored_by, ignored_why, ignored_until,
    ignored_until_counted, ignored_until_orders, resolved_by
FROM findings
WHERE merchant_id = %(merchant_id)s::text
    AND (
        %(state)s::text IS NULL
        OR state = %(state)s::text
        OR (%(state)s::text = 'unresolved' AND state <> 'resolved')
    )
    AND (%(kind)s::text IS NULL OR kind = %(kind)s::text)
    AND (%(severity)s::text IS NULL OR severity = %(severity)s::text)
    AND (%(provider)s::text IS NULL OR provider = %(provider)s::text)
    AND (%(owner)s::text IS NULL OR owner = %(owner)s::text)
    AND (%(order_id)s::uuid IS NULL OR order_id = %(order_id)s::uuid)
    AND (%(before)s::uuid IS NULL OR finding_id < %(before)s::uuid)
ORDER BY finding_id DESC
LIMIT %(limit)s::integer;

-- name: show_finding
-- Shows one finding, in the columns of the list.
SELECT finding_id, kind, severity, owner, state, order_id, money_minor, currency, detail, seen, first_seen_at,
    last_seen_at, deadline_at, resolved_at, resolved_why, provider, evidence, counted, orders, is_overdue, change,
    changed_as, changed_at, earlier_id, acknowledged_by, acknowledged_at, ignored_by, ignored_why, ignored_until,
    ignored_until_counted, ignored_until_orders, resolved_by
FROM findings
WHERE merchant_id = %(merchant_id)s::text
    AND finding_id = %(finding_id)s::uuid;

-- name: count_open_findings
-- Counts what is open, for metrics and the overview.
SELECT kind, severity, currency, count(*) AS findings, sum(money_minor)::bigint AS money_minor
FROM findings
WHERE merchant_id = %(merchant_id)s::text
    AND state <> 'resolved'
GROUP BY kind, severity, currency
ORDER BY kind, severity, currency;
