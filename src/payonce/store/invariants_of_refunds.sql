-- The promises about money that we send back as questions to the database; see invariants.sql, which says how they are
-- asked and answered.

-- name: s4_refund_is_staged_as_it_stands
-- S4: what the ledger shows as going back is what left our hands: all of a refund that is sent, nothing of another.
SELECT r.merchant_id, 'refund:' || r.refund_id AS ref,
    'is ' || r.state || ' over ' || r.amount_minor || ' ' || r.currency || ', staged ' || r.staged_minor AS detail,
    r.created_at AS since
FROM refunds AS r
WHERE (%(merchant_id)s::text IS NULL OR r.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR r.created_at >= %(since)s::timestamptz)
    AND r.staged_minor
        <> CASE WHEN r.state IN ('sending', 'in_doubt', 'sent', 'succeeded') THEN r.amount_minor ELSE 0 END
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s8_refund_steps_lead_to_its_state
-- S8: the steps of a refund are one path from due to its state: every other state is left as often as entered.
SELECT r.merchant_id, 'refund:' || r.refund_id AS ref,
    'is ' || r.state || ', and ' || step.state || ' was entered ' || step.entered || ' and left ' || step.gone
        || ' times' AS detail,
    r.created_at AS since
FROM refunds AS r
JOIN (
    SELECT merchant_id, subject_id, state, sum(entered) AS entered, sum(gone) AS gone
    FROM (
        SELECT merchant_id, subject_id, target AS state, 1 AS entered, 0 AS gone
        FROM audit
        WHERE subject = 'refund'
        UNION ALL
        SELECT merchant_id, subject_id, source, 0, 1
        FROM audit
        WHERE subject = 'refund'
        UNION ALL
        SELECT merchant_id, refund_id, 'due', 1, 0
        FROM refunds
        UNION ALL
        SELECT merchant_id, refund_id, state, 0, 1
        FROM refunds
    ) AS ends
    GROUP BY merchant_id, subject_id, state
    HAVING sum(entered) <> sum(gone)
) AS step
    ON step.merchant_id = r.merchant_id
    AND step.subject_id = r.refund_id
WHERE (%(merchant_id)s::text IS NULL OR r.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR r.created_at >= %(since)s::timestamptz)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s9_refunds_within_what_came
-- S9: our refunds of a payment that are not known to have failed or been taken back never exceed what it brought. One
-- that arrived after all, although it was called failed, was no decision of ours: it is told as `returned_twice`.
SELECT c.merchant_id, 'order:' || c.order_id AS ref,
    'captured ' || c.captured_minor || ' ' || c.currency || ' by ' || c.ref || ', our refunds ask or took '
        || sum(r.amount_minor) AS detail,
    c.captured_at AS since
FROM captures AS c
JOIN refunds AS r
    ON r.merchant_id = c.merchant_id
    AND r.provider = c.provider
    AND r.account = c.account
    AND r.capture_kind = c.kind
    AND r.capture_ref = c.ref
    AND r.state NOT IN ('failed', 'cancelled')
    AND NOT starts_with(COALESCE(r.decline, ''), 'after all: ')
WHERE (%(merchant_id)s::text IS NULL OR c.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR c.captured_at >= %(since)s::timestamptz)
GROUP BY c.merchant_id, c.order_id, c.captured_minor, c.currency, c.ref, c.captured_at
HAVING sum(r.amount_minor) > c.captured_minor
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s9_refund_has_one_echo
-- S9: a refund of ours succeeded exactly where one return that is its echo took its money back.
SELECT r.merchant_id, 'refund:' || r.refund_id AS ref,
    'is ' || r.state || ', and ' || count(b.ref) || ' returns are its echo' AS detail,
    r.created_at AS since
FROM refunds AS r
LEFT JOIN returns AS b
    ON b.merchant_id = r.merchant_id
    AND b.refund_id = r.refund_id
    AND b.returned_minor > 0
WHERE (%(merchant_id)s::text IS NULL OR r.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR r.created_at >= %(since)s::timestamptz)
GROUP BY r.merchant_id, r.refund_id, r.state, r.created_at
HAVING count(b.ref) <> CASE r.state WHEN 'succeeded' THEN 1 ELSE 0 END
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s9_day_within_its_limit
-- S9: what went back by itself on one day and in one currency was within the limit of that day.
SELECT d.merchant_id, 'day:' || d.day || ':' || d.currency AS ref,
    d.automatic_minor || ' ' || d.currency || ' went back by itself, the limit is ' || d.limit_minor AS detail,
    d.day::timestamptz AS since
FROM refund_days AS d
WHERE (%(merchant_id)s::text IS NULL OR d.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR d.day >= (%(since)s::timestamptz)::date)
    AND d.automatic_minor > d.limit_minor
ORDER BY 1, 2
LIMIT %(limit)s::integer;
