-- What the monitor remembers of its looks, and which orders moved since; see checks.sql.

-- name: stale_jobs
-- A job that should run and did not end well for several of its intervals. One that an operator stopped rests by will.
SELECT j.job, j.last_success_at, j.registered_at, j.last_error, j.failures_in_a_row,
    COALESCE(j.every_seconds, j.timetable_seconds) AS every_seconds
FROM jobs AS j
WHERE NOT j.is_retired
    AND COALESCE(j.last_success_at, j.registered_at) < %(now)s::timestamptz
        - GREATEST(
            %(intervals)s::integer * COALESCE(j.every_seconds, j.timetable_seconds) * interval '1 second',
            %(at_least)s::double precision * interval '1 second'
        )
    AND NOT EXISTS (
        SELECT 1
        FROM switches AS s
        WHERE s.name IN (j.job, 'all')
            AND s.is_off
    )
ORDER BY j.job;

-- name: check_marks
-- What each check looked at last.
SELECT name, ran_at, mark, found, failed_why, failed_at
FROM monitor_checks
WHERE merchant_id = %(merchant_id)s::text
ORDER BY name;

-- name: check_ran
-- Notes that a check looked, what it found, and where the next look goes on.
INSERT INTO monitor_checks (merchant_id, name, ran_at, mark, found)
VALUES (
    %(merchant_id)s::text, %(name)s::text, %(now)s::timestamptz, %(mark)s::text, %(found)s::integer
)
ON CONFLICT (merchant_id, name) DO UPDATE
SET ran_at = excluded.ran_at,
    mark = COALESCE(excluded.mark, monitor_checks.mark),
    found = excluded.found,
    failed_why = NULL,
    failed_at = NULL;

-- name: check_failed
-- Notes that a check could not look, and why; when it last could stays as it is (the beginning of time: never).
INSERT INTO monitor_checks (merchant_id, name, ran_at, failed_why, failed_at)
VALUES (%(merchant_id)s::text, %(name)s::text, '1970-01-01 00:00:00+00', %(why)s::text, %(now)s::timestamptz)
ON CONFLICT (merchant_id, name) DO UPDATE
SET failed_why = excluded.failed_why,
    failed_at = excluded.failed_at;

-- name: touched_by_audit
-- Which orders moved, among the steps behind the last one that was looked at; the audit is in order of time.
SELECT step.audit_id::text AS mark,
    CASE step.subject WHEN 'order' THEN step.subject_id ELSE COALESCE(a.order_id, e.order_id, r.order_id) END AS order_id
FROM (
    SELECT audit_id, subject, subject_id
    FROM audit
    WHERE merchant_id = %(merchant_id)s::text
        AND audit_id > %(after)s::uuid
        AND audit_id < %(to_id)s::uuid
    ORDER BY audit_id
    LIMIT %(most)s::integer
) AS step
LEFT JOIN attempts AS a
    ON a.merchant_id = %(merchant_id)s::text
    AND step.subject = 'attempt'
    AND a.attempt_id = step.subject_id
LEFT JOIN effects AS e
    ON e.merchant_id = %(merchant_id)s::text
    AND step.subject = 'effect'
    AND e.effect_id = step.subject_id
LEFT JOIN refunds AS r
    ON r.merchant_id = %(merchant_id)s::text
    AND step.subject = 'refund'
    AND r.refund_id = step.subject_id
ORDER BY step.audit_id;

-- name: touched_by_entries
-- Which orders had money posted, behind the last entry that was looked at.
SELECT entry_id::text AS mark, order_id
FROM entries
WHERE merchant_id = %(merchant_id)s::text
    AND entry_id > %(after)s::uuid
    AND entry_id < %(to_id)s::uuid
ORDER BY entry_id
LIMIT %(most)s::integer;

-- name: with_siblings
-- The orders and all others of their purposes: some promises are about a purpose.
SELECT sibling.order_id
FROM orders AS o
JOIN orders AS sibling
    ON sibling.merchant_id = o.merchant_id
    AND sibling.purpose = o.purpose
WHERE o.merchant_id = %(merchant_id)s::text
    AND o.order_id = ANY(%(order_ids)s::uuid[])
GROUP BY sibling.order_id
ORDER BY sibling.order_id;

-- name: orders_of_rows
-- Which order a row that breaks a promise belongs to.
SELECT 'attempt:' || attempt_id AS ref, order_id
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND attempt_id = ANY(%(ids)s::uuid[])
UNION ALL
SELECT 'effect:' || effect_id, order_id
FROM effects
WHERE merchant_id = %(merchant_id)s::text
    AND effect_id = ANY(%(ids)s::uuid[])
UNION ALL
SELECT 'refund:' || refund_id, order_id
FROM refunds
WHERE merchant_id = %(merchant_id)s::text
    AND refund_id = ANY(%(ids)s::uuid[])
UNION ALL
SELECT 'entry:' || entry_id, order_id
FROM entries
WHERE merchant_id = %(merchant_id)s::text
    AND entry_id = ANY(%(ids)s::uuid[])
ORDER BY 1;
