-- What a comparison on files reads of an account, in a stream. All statements of an extract see the same instant, and each
-- reads a table once in the order in which it lies; `batch/extract.py` writes one file of what they send. Their columns, in
-- order: what, object_kind, object_ref, nature, minor, currency, status, seen_at, moved_at, order_id, attempt_id,
-- capture_kind, capture_ref.

-- name: captures
-- Sends what came in.
COPY (
    SELECT 'capture', c.kind, c.ref, 'charge', c.captured_minor, c.currency, NULL, c.captured_at,
        (
            SELECT max(e.posted_at)
            FROM entries AS e
            JOIN postings AS l
                ON l.merchant_id = e.merchant_id
                AND l.entry_id = e.entry_id
            WHERE e.merchant_id = c.merchant_id
                AND e.order_id = c.order_id
                AND l.account = %(clearing)s
        ),
        c.order_id, c.attempt_id, NULL, NULL
    FROM captures AS c
    WHERE c.merchant_id = %(merchant_id)s
        AND c.provider = %(provider)s
        AND c.account = %(account)s
) TO STDOUT WITH (FORMAT csv);

-- name: returns
-- Sends what went back, below zero.
COPY (
    SELECT 'return', b.kind, b.ref, b.nature, -b.returned_minor, b.currency, b.status, b.first_seen_at,
        (
            SELECT max(e.posted_at)
            FROM entries AS e
            JOIN postings AS l
                ON l.merchant_id = e.merchant_id
                AND l.entry_id = e.entry_id
            WHERE e.merchant_id = b.merchant_id
                AND e.order_id = b.order_id
                AND l.account = %(clearing)s
        ),
        b.order_id, b.attempt_id, b.capture_kind, b.capture_ref
    FROM returns AS b
    WHERE b.merchant_id = %(merchant_id)s
        AND b.provider = %(provider)s
        AND b.account = %(account)s
) TO STDOUT WITH (FORMAT csv);

-- name: references
-- Sends the names that we know of objects of which no money came: what has one is ours.
COPY (
    SELECT 'reference', p.kind, p.ref, NULL, 0, NULL, NULL, NULL, NULL, p.order_id, p.attempt_id, NULL, NULL
    FROM provider_refs AS p
    WHERE p.merchant_id = %(merchant_id)s
        AND p.provider = %(provider)s
        AND p.account = %(account)s
        AND NOT EXISTS (
            SELECT 1
            FROM captures AS c
            WHERE c.merchant_id = p.merchant_id
                AND c.provider = p.provider
                AND c.account = p.account
                AND c.kind = p.kind
                AND c.ref = p.ref
        )
) TO STDOUT WITH (FORMAT csv);

-- name: attempts
-- Sends which attempts there are: a record can name one.
COPY (
    SELECT 'attempt', NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, order_id, attempt_id, NULL, NULL
    FROM attempts
    WHERE merchant_id = %(merchant_id)s
        AND provider = %(provider)s
        AND account = %(account)s
) TO STDOUT WITH (FORMAT csv);

-- name: money_records
-- Sends the provider's records of some days that were read or imported, as an export has them: record, day, nature,
-- object_kind, object, amount_minor, currency, time, payment_kind, payment, attempt.
COPY (
    SELECT record_ref, day, nature, object_kind, object_ref, object_minor, object_currency, occurred_at, capture_kind,
        capture_ref, attempt_id
    FROM money_records
    WHERE merchant_id = %(merchant_id)s
        AND provider = %(provider)s
        AND account = %(account)s
        AND withdrawn_at IS NULL
        AND object_ref IS NOT NULL
) TO STDOUT WITH (FORMAT csv);
