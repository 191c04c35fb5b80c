-- What is erased by age: names and addresses of payers, who called, and the raw bodies of finished events. Rows stay and
-- say when they were erased; orders, the ledger, the audit and the keys of events know no person and stay for ever. Only
-- what is a measure and no fact goes as a whole: counts of answers by the minute, of events that were told again, and
-- receipts.

-- name: erase_payers
-- Forgets who paid orders that ended long ago and that nobody has an open question about.
WITH due AS (
    SELECT p.order_id
    FROM payers AS p
    JOIN orders AS o
        ON o.merchant_id = p.merchant_id
        AND o.order_id = p.order_id
    WHERE p.merchant_id = %(merchant_id)s::text
        AND p.erased_at IS NULL
        AND o.state IN ('paid', 'closed')
        AND GREATEST(o.paid_at, o.closed_at) < %(before)s::timestamptz
        AND NOT EXISTS (
            SELECT 1
            FROM findings AS f
            WHERE f.merchant_id = p.merchant_id
                AND f.order_id = p.order_id
                AND f.resolved_at IS NULL
        )
    ORDER BY p.order_id
    LIMIT %(limit)s::integer
)
UPDATE payers AS p
SET email = NULL, name = NULL, erased_at = %(now)s::timestamptz
FROM due
WHERE p.merchant_id = %(merchant_id)s::text
    AND p.order_id = due.order_id
RETURNING p.order_id;

-- name: erase_requests
-- Forgets the requests of those orders' ended attempts, which carried the payer's address and are never sent again.
UPDATE attempts
SET request_body = ''::bytea
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
    AND state IN ('paid', 'failed', 'closed');

-- name: erase_evidence
-- Forgets who called; that there was a call, and how it was answered, stays.
WITH due AS (
    SELECT evidence_id
    FROM evidence
    WHERE merchant_id = %(merchant_id)s::text
        AND at < %(before)s::timestamptz
        AND (address IS NOT NULL OR user_agent IS NOT NULL OR referer IS NOT NULL)
    ORDER BY at
    LIMIT %(limit)s::integer
)
UPDATE evidence AS e
SET address = NULL, user_agent = NULL, referer = NULL
FROM due
WHERE e.merchant_id = %(merchant_id)s::text
    AND e.evidence_id = due.evidence_id
RETURNING e.evidence_id;

-- name: erase_bodies
-- Forgets the raw bodies of events that are finished; what failed, waits or was given up keeps its body.
WITH due AS (
    SELECT event_id
    FROM events
    WHERE merchant_id = %(merchant_id)s::text
        AND state IN ('applied', 'ignored')
        AND erased_at IS NULL
        AND received_at < %(before)s::timestamptz
    ORDER BY received_at
    LIMIT %(limit)s::integer
)
UPDATE events AS e
SET body = ''::bytea, erased_at = %(now)s::timestamptz
FROM due
WHERE e.merchant_id = %(merchant_id)s::text
    AND e.event_id = due.event_id
    AND e.state IN ('applied', 'ignored')
RETURNING e.event_id;

-- name: thin_repeats
-- Forgets that events were told again long ago. Ids begin with their time, so that the key finds the oldest.
WITH due AS (
    SELECT repeat_id
    FROM repeats
    WHERE merchant_id = %(merchant_id)s::text
        AND repeat_id < %(before_id)s::uuid
    ORDER BY repeat_id
    LIMIT %(limit)s::integer
)
DELETE FROM repeats AS r
USING due
WHERE r.merchant_id = %(merchant_id)s::text
    AND r.repeat_id = due.repeat_id
RETURNING r.repeat_id;

-- name: thin_receipts
-- Forgets what was answered long ago where nothing changed: a receipt has done its work when its COMMIT was answered.
WITH due AS (
    SELECT receipt_id
    FROM receipts
    WHERE merchant_id = %(merchant_id)s::text
        AND receipt_id < %(before_id)s::uuid
    ORDER BY receipt_id
    LIMIT %(limit)s::integer
)
DELETE FROM receipts AS r
USING due
WHERE r.merchant_id = %(merchant_id)s::text
    AND r.receipt_id = due.receipt_id
RETURNING r.receipt_id;

-- name: thin_checkout_counts
-- Forgets how people who wanted to pay were answered, by the minute, long ago.
WITH due AS (
    SELECT minute, outcome
    FROM checkout_counts
    WHERE merchant_id = %(merchant_id)s::text
        AND minute < %(before)s::timestamptz
    ORDER BY minute, outcome
    LIMIT %(limit)s::integer
)
DELETE FROM checkout_counts AS c
USING due
WHERE c.merchant_id = %(merchant_id)s::text
    AND c.minute = due.minute
    AND c.outcome = due.outcome
RETURNING c.minute;

-- name: count_to_erase
-- Says how much is due to be erased, for a look without any effect.
SELECT (
        SELECT count(*)
        FROM evidence AS e
        WHERE e.merchant_id = %(merchant_id)s::text
            AND e.at < %(evidence_before)s::timestamptz
            AND (e.address IS NOT NULL OR e.user_agent IS NOT NULL OR e.referer IS NOT NULL)
    ) AS evidence, (
        SELECT count(*)
        FROM events AS v
        WHERE v.merchant_id = %(merchant_id)s::text
            AND v.state IN ('applied', 'ignored')
            AND v.erased_at IS NULL
            AND v.received_at < %(bodies_before)s::timestamptz
    ) AS bodies, (
        SELECT count(*)
        FROM repeats AS r
        WHERE r.merchant_id = %(merchant_id)s::text
            AND r.repeat_id < %(repeats_before)s::uuid
    ) AS repeats, (
        SELECT count(*)
        FROM receipts AS r
        WHERE r.merchant_id = %(merchant_id)s::text
            AND r.receipt_id < %(receipts_before)s::uuid
    ) AS receipts, (
        SELECT count(*)
        FROM checkout_counts AS c
        WHERE c.merchant_id = %(merchant_id)s::text
            AND c.minute < %(counts_before)s::timestamptz
    ) AS counts, (
        SELECT count(*)
        FROM payers AS p
        JOIN orders AS o
            ON o.merchant_id = p.merchant_id
            AND o.order_id = p.order_id
        WHERE p.merchant_id = %(merchant_id)s::text
            AND p.erased_at IS NULL
            AND o.state IN ('paid', 'closed')
            AND GREATEST(o.paid_at, o.closed_at) < %(payers_before)s::timestamptz
            AND NOT EXISTS (
                SELECT 1
                FROM findings AS f
                WHERE f.merchant_id = p.merchant_id
                    AND f.order_id = p.order_id
                    AND f.resolved_at IS NULL
            )
    ) AS payers;
