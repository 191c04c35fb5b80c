-- The promises of payonce as questions to the database. Each must be answered by no row; a row is a counterexample.
-- The tests, the monitor, `payonce prove` and the console ask the same ones. All take the same parameters: merchant_id
-- (NULL: every merchant), since (NULL: everything; else what began from then on), and how many rows to show at most.
-- Columns: merchant_id, ref (what kind of thing, a colon, its id), detail (in words), since (from when it holds).
-- Here: orders and their money. In invariants_of_states.sql: states, attempts and effects.

-- name: s1_allocations_within_amount
-- S1: what serves an order never exceeds its amount, and the order's own sum is the sum of its captures.
SELECT o.merchant_id, 'order:' || o.order_id AS ref,
    'amount ' || o.amount_minor || ', allocated ' || o.allocated_minor || ', by its captures '
        || COALESCE(sum(c.allocated_minor), 0) AS detail,
    o.created_at AS since
FROM orders AS o
LEFT JOIN captures AS c
    ON c.merchant_id = o.merchant_id
    AND c.order_id = o.order_id
WHERE (%(merchant_id)s::text IS NULL OR o.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR o.created_at >= %(since)s::timestamptz)
GROUP BY o.merchant_id, o.order_id, o.amount_minor, o.allocated_minor, o.created_at
HAVING COALESCE(sum(c.allocated_minor), 0) > o.amount_minor
    OR COALESCE(sum(c.allocated_minor), 0) <> o.allocated_minor
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s1_surplus_is_watched
-- S1: captured money that was decided to be surplus is returned, or an open finding holds it.
SELECT c.merchant_id, 'order:' || c.order_id AS ref,
    'surplus ' || c.surplus_minor || ' ' || c.currency || ' of ' || c.ref || ', returned '
        || COALESCE(b.returned_minor, 0) || ', no open finding' AS detail,
    c.captured_at AS since
FROM captures AS c
LEFT JOIN (
    SELECT merchant_id, provider, account, capture_kind, capture_ref, sum(returned_minor) AS returned_minor
    FROM returns
    GROUP BY merchant_id, provider, account, capture_kind, capture_ref
) AS b
    ON b.merchant_id = c.merchant_id
    AND b.provider = c.provider
    AND b.account = c.account
    AND b.capture_kind = c.kind
    AND b.capture_ref = c.ref
WHERE (%(merchant_id)s::text IS NULL OR c.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR c.captured_at >= %(since)s::timestamptz)
    AND c.surplus_minor > COALESCE(b.returned_minor, 0)
    AND NOT EXISTS (
        SELECT 1
        FROM findings AS f
        WHERE f.merchant_id = c.merchant_id
            AND f.state <> 'resolved'
            AND f.kind IN ('second_charge', 'over_payment', 'late_payment', 'currency_differs')
            AND f.fingerprint = f.kind || ':' || c.provider || ':' || c.account || ':' || c.kind || ':' || c.ref
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s2_paid_has_one_settlement
-- S2: an order is paid if and only if one settlement says so, with the order's amount and currency, fully allocated.
SELECT COALESCE(o.merchant_id, s.merchant_id) AS merchant_id,
    'order:' || COALESCE(o.order_id, s.order_id) AS ref,
    'state ' || COALESCE(o.state, 'no order') || ', asks ' || COALESCE(o.amount_minor, 0) || ' '
        || COALESCE(o.currency, '') || ', allocated ' || COALESCE(o.allocated_minor, 0) || ', settlements '
        || COALESCE(s.settlements, 0) || ' of ' || COALESCE(s.amount_minor, 0) || ' ' || COALESCE(s.currency, '')
        AS detail,
    COALESCE(s.settled_at, o.paid_at, o.created_at) AS since
FROM (
    SELECT merchant_id, order_id, state, amount_minor, currency, allocated_minor, paid_at, created_at
    FROM orders
    WHERE (%(since)s::timestamptz IS NULL OR created_at >= %(since)s::timestamptz)
) AS o
FULL JOIN (
    SELECT merchant_id, order_id, count(*) AS settlements, max(amount_minor) AS amount_minor,
        max(currency) AS currency, max(settled_at) AS settled_at
    FROM settlements
    GROUP BY merchant_id, order_id
) AS s
    ON s.merchant_id = o.merchant_id
    AND s.order_id = o.order_id
WHERE (%(merchant_id)s::text IS NULL OR COALESCE(o.merchant_id, s.merchant_id) = %(merchant_id)s::text)
    AND (
        (o.state = 'paid' AND s.order_id IS NULL)
        OR (s.order_id IS NOT NULL AND o.state <> 'paid')
        OR (o.order_id IS NULL AND %(since)s::timestamptz IS NULL)
        OR s.settlements > 1
        OR s.amount_minor <> o.amount_minor
        OR s.currency <> o.currency
        OR (o.state = 'paid' AND o.allocated_minor <> o.amount_minor)
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s3_entries_balance
-- S3: the lines of every entry sum to zero, and there are at least two.
SELECT e.merchant_id, 'entry:' || e.entry_id AS ref,
    e.cause || ': ' || count(p.line) || ' lines, sum ' || COALESCE(sum(p.amount_minor), 0) || ' ' || e.currency
        AS detail,
    e.posted_at AS since
FROM entries AS e
LEFT JOIN postings AS p
    ON p.merchant_id = e.merchant_id
    AND p.entry_id = e.entry_id
WHERE (%(merchant_id)s::text IS NULL OR e.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR e.posted_at >= %(since)s::timestamptz)
GROUP BY e.merchant_id, e.entry_id, e.cause, e.currency, e.posted_at
HAVING COALESCE(sum(p.amount_minor), 0) <> 0
    OR count(p.line) < 2
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s3_ledger_balances
-- S3: the whole ledger sums to zero in each currency. It is asked in whole, whatever the time: a sum has no since.
SELECT e.merchant_id, 'currency:' || e.currency AS ref, 'the ledger sums to ' || sum(p.amount_minor) AS detail,
    min(e.posted_at) AS since
FROM entries AS e
JOIN postings AS p
    ON p.merchant_id = e.merchant_id
    AND p.entry_id = e.entry_id
WHERE (%(merchant_id)s::text IS NULL OR e.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR %(since)s::timestamptz IS NOT NULL)
GROUP BY e.merchant_id, e.currency
HAVING sum(p.amount_minor) <> 0
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s4_clearing_is_what_the_provider_said
-- S4: for each order, what is posted to a provider's clearing account equals what came in less what went back.
SELECT COALESCE(said.merchant_id, posted.merchant_id) AS merchant_id,
    'order:' || COALESCE(said.order_id, posted.order_id) AS ref,
    COALESCE(said.account, posted.account) || ': the provider said ' || COALESCE(said.amount_minor, 0) || ' '
        || COALESCE(said.currency, posted.currency) || ', posted ' || COALESCE(posted.amount_minor, 0) AS detail,
    COALESCE(said.since, posted.since) AS since
FROM (
    SELECT merchant_id, order_id, account, currency, sum(amount_minor) AS amount_minor, min(since) AS since
    FROM (
        SELECT merchant_id, order_id, 'clearing:' || provider || ':' || account AS account, currency,
            captured_minor AS amount_minor, captured_at AS since
        FROM captures
        UNION ALL
        SELECT merchant_id, order_id, 'clearing:' || provider || ':' || account, currency, -returned_minor,
            first_seen_at
        FROM returns
        -- Money that a person sent by other means took nothing from the provider.
        WHERE kind <> 'by_hand'
    ) AS movements
    GROUP BY merchant_id, order_id, account, currency
) AS said
FULL JOIN (
    SELECT e.merchant_id, e.order_id, p.account, e.currency, sum(p.amount_minor) AS amount_minor,
        min(e.posted_at) AS since
    FROM entries AS e
    JOIN postings AS p
        ON p.merchant_id = e.merchant_id
        AND p.entry_id = e.entry_id
    WHERE p.account LIKE 'clearing:%%'
    GROUP BY e.merchant_id, e.order_id, p.account, e.currency
) AS posted
    ON posted.merchant_id = said.merchant_id
    AND posted.order_id = said.order_id
    AND posted.account = said.account
    AND posted.currency = said.currency
WHERE (%(merchant_id)s::text IS NULL OR COALESCE(said.merchant_id, posted.merchant_id) = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR COALESCE(said.since, posted.since) >= %(since)s::timestamptz)
    AND COALESCE(said.amount_minor, 0) <> COALESCE(posted.amount_minor, 0)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s4_serving_is_posted
-- S4: for each order, what is posted as serving orders, as going back, as refunded and as disputed equals what the rows
-- of money say.
SELECT said.merchant_id, 'order:' || said.order_id AS ref,
    said.account || ': the rows say ' || said.amount_minor || ' ' || said.currency || ', posted '
        || COALESCE(posted.amount_minor, 0) AS detail,
    said.since
FROM (
    SELECT merchant_id, order_id, account, currency, sum(amount_minor) AS amount_minor, min(since) AS since
    FROM (
        SELECT merchant_id, order_id, 'orders' AS account, currency, -allocated_minor AS amount_minor,
            captured_at AS since
        FROM captures
        UNION ALL
        SELECT merchant_id, order_id, 'surplus', currency, allocated_minor - captured_minor, captured_at
        FROM captures
        UNION ALL
        SELECT merchant_id, order_id, CASE serves WHEN 'surplus' THEN 'surplus' ELSE 'orders' END, currency,
            staged_minor, created_at
        FROM refunds
        UNION ALL
        SELECT merchant_id, order_id, 'refunding', currency, -staged_minor, created_at
        FROM refunds
        UNION ALL
        SELECT merchant_id, order_id,
            CASE WHEN nature = 'dispute' THEN 'disputes' WHEN refund_id IS NULL THEN 'refunds' ELSE 'refunding' END,
            currency, returned_minor, first_seen_at
        FROM returns
        UNION ALL
        SELECT merchant_id, order_id, 'by_hand', currency, -returned_minor, first_seen_at
        FROM returns
        WHERE kind = 'by_hand'
    ) AS movements
    GROUP BY merchant_id, order_id, account, currency
) AS said
LEFT JOIN (
    SELECT e.merchant_id, e.order_id, p.account, e.currency, sum(p.amount_minor) AS amount_minor
    FROM entries AS e
    JOIN postings AS p
        ON p.merchant_id = e.merchant_id
        AND p.entry_id = e.entry_id
    GROUP BY e.merchant_id, e.order_id, p.account, e.currency
) AS posted
    ON posted.merchant_id = said.merchant_id
    AND posted.order_id = said.order_id
    AND posted.account = said.account
    AND posted.currency = said.currency
WHERE (%(merchant_id)s::text IS NULL OR said.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR said.since >= %(since)s::timestamptz)
    AND said.amount_minor <> COALESCE(posted.amount_minor, 0)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s4_order_sums
-- S4: the sums beside an order's state are the sums of its captures, refunds and disputes in its currency.
SELECT o.merchant_id, 'order:' || o.order_id AS ref,
    'received ' || o.received_minor || ' and captured ' || COALESCE(c.captured_minor, 0)
        || ', refunded ' || o.refunded_minor || ' and returned by refunds ' || COALESCE(b.refunded_minor, 0)
        || ', disputed ' || o.disputed_minor || ' and taken by disputes ' || COALESCE(b.disputed_minor, 0) AS detail,
    o.created_at AS since
FROM orders AS o
LEFT JOIN (
    SELECT merchant_id, order_id, currency, sum(captured_minor) AS captured_minor
    FROM captures
    GROUP BY merchant_id, order_id, currency
) AS c
    ON c.merchant_id = o.merchant_id
    AND c.order_id = o.order_id
    AND c.currency = o.currency
LEFT JOIN (
    SELECT merchant_id, order_id, currency,
        sum(CASE nature WHEN 'refund' THEN returned_minor ELSE 0 END) AS refunded_minor,
        sum(CASE nature WHEN 'dispute' THEN returned_minor ELSE 0 END) AS disputed_minor
    FROM returns
    GROUP BY merchant_id, order_id, currency
) AS b
    ON b.merchant_id = o.merchant_id
    AND b.order_id = o.order_id
    AND b.currency = o.currency
WHERE (%(merchant_id)s::text IS NULL OR o.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR o.created_at >= %(since)s::timestamptz)
    AND (
        o.received_minor <> COALESCE(c.captured_minor, 0)
        OR o.refunded_minor <> COALESCE(b.refunded_minor, 0)
        OR o.disputed_minor <> COALESCE(b.disputed_minor, 0)
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s5_reference_serves_one_attempt
-- S5: a provider's object serves one attempt, over all merchants, and its money is counted for that attempt.
SELECT r.merchant_id, 'attempt:' || r.attempt_id AS ref,
    r.provider || ' ' || r.account || ' ' || r.kind || ' ' || r.ref || ' also serves ' || other.attempt_id AS detail,
    a.created_at AS since
FROM provider_refs AS r
JOIN (
    SELECT provider, account, kind, ref, attempt_id
    FROM provider_refs
    UNION ALL
    SELECT provider, account, kind, ref, attempt_id
    FROM captures
    UNION ALL
    SELECT provider, account, kind, ref, attempt_id
    FROM settlements
    WHERE ref IS NOT NULL
) AS other
    ON other.provider = r.provider
    AND other.account = r.account
    AND other.kind = r.kind
    AND other.ref = r.ref
    AND other.attempt_id <> r.attempt_id
LEFT JOIN attempts AS a
    ON a.merchant_id = r.merchant_id
    AND a.attempt_id = r.attempt_id
WHERE (%(merchant_id)s::text IS NULL OR r.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR a.created_at >= %(since)s::timestamptz)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s9_returned_twice_is_found
-- S9: no capture gives back more than it brought, by whomever, without an open finding.
SELECT c.merchant_id, 'order:' || c.order_id AS ref,
    'captured ' || c.captured_minor || ' ' || c.currency || ' by ' || c.ref || ', returned '
        || sum(b.returned_minor) AS detail,
    c.captured_at AS since
FROM captures AS c
JOIN returns AS b
    ON b.merchant_id = c.merchant_id
    AND b.provider = c.provider
    AND b.account = c.account
    AND b.capture_kind = c.kind
    AND b.capture_ref = c.ref
WHERE (%(merchant_id)s::text IS NULL OR c.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR c.captured_at >= %(since)s::timestamptz)
    AND NOT EXISTS (
        SELECT 1
        FROM findings AS f
        WHERE f.merchant_id = c.merchant_id
            AND f.resolved_at IS NULL
            AND f.fingerprint = 'returned_twice:' || c.provider || ':' || c.account || ':' || c.kind || ':' || c.ref
    )
GROUP BY c.merchant_id, c.order_id, c.captured_minor, c.currency, c.ref, c.captured_at
HAVING sum(b.returned_minor) > c.captured_minor
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s21_no_money_is_dropped
-- S21: every captured amount serves an order that is open or paid, was returned, or is held in an open finding.
SELECT c.merchant_id, 'order:' || c.order_id AS ref,
    'captured ' || c.captured_minor || ' ' || c.currency || ' by ' || c.ref || ', allocated ' || c.allocated_minor
        || ' to an order that is ' || o.state || ', returned ' || COALESCE(b.returned_minor, 0) || ', no open finding'
        AS detail,
    c.captured_at AS since
FROM captures AS c
JOIN orders AS o
    ON o.merchant_id = c.merchant_id
    AND o.order_id = c.order_id
LEFT JOIN (
    SELECT merchant_id, provider, account, capture_kind, capture_ref, sum(returned_minor) AS returned_minor
    FROM returns
    GROUP BY merchant_id, provider, account, capture_kind, capture_ref
) AS b
    ON b.merchant_id = c.merchant_id
    AND b.provider = c.provider
    AND b.account = c.account
    AND b.capture_kind = c.kind
    AND b.capture_ref = c.ref
WHERE (%(merchant_id)s::text IS NULL OR c.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR c.captured_at >= %(since)s::timestamptz)
    AND (
        CASE WHEN o.state IN ('open', 'paid') THEN c.allocated_minor ELSE 0 END + COALESCE(b.returned_minor, 0)
    ) < c.captured_minor
    AND NOT EXISTS (
        SELECT 1
        FROM findings AS f
        WHERE f.merchant_id = c.merchant_id
            AND f.state <> 'resolved'
            AND f.kind IN ('second_charge', 'over_payment', 'late_payment', 'currency_differs')
            AND f.fingerprint = f.kind || ':' || c.provider || ':' || c.account || ':' || c.kind || ':' || c.ref
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;
