-- Questions that only the simulation asks: about what somebody was told, and what the provider knows. The promises that
-- every installation can be asked about lie in store/invariants.sql.

-- name: disclosed
-- Whether what a payer was just given is recorded, and since when.
SELECT handle_ref, disclosed_at
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND attempt_id = %(attempt_id)s::uuid;

-- name: captures
-- All money that came in, as we know it, to compare it with the provider's own books.
SELECT provider, kind, ref, attempt_id, order_id, currency, captured_minor, is_confirmed
FROM captures
WHERE merchant_id = %(merchant_id)s::text
ORDER BY provider, ref;

-- name: attempts
-- All attempts, to compare what may be payable with what is payable at the provider.
SELECT a.attempt_id, a.order_id, a.purpose, a.provider, a.number, a.state, a.flow, a.handle_ref, a.disclosed_at, a.close_because,
    a.created_at,
    EXISTS (
        SELECT 1
        FROM audit AS u
        WHERE u.merchant_id = a.merchant_id
            AND u.subject = 'attempt'
            AND u.subject_id = a.attempt_id
            AND u.target = 'abandoned'
    ) AS was_abandoned
FROM attempts AS a
WHERE a.merchant_id = %(merchant_id)s::text
ORDER BY a.attempt_id;

-- name: attempts_of_purpose
-- The attempts of one purpose and whose they are: a payer may say that he leaves one.
SELECT a.attempt_id, a.order_id, a.number, a.state, o.payer_reference
FROM attempts AS a
JOIN orders AS o
    ON o.merchant_id = a.merchant_id
    AND o.order_id = a.order_id
WHERE a.merchant_id = %(merchant_id)s::text
    AND a.purpose = %(purpose)s::text
ORDER BY a.attempt_id;

-- name: orders
-- All orders, to see which ones are stuck.
SELECT order_id, purpose, reference, payer_reference, state, amount_minor, currency, close_because, closed_reason,
    received_minor
FROM orders
WHERE merchant_id = %(merchant_id)s::text
ORDER BY order_id;

-- name: orders_of_purpose
-- The orders of one purpose, the oldest first.
SELECT order_id, purpose, reference, payer_reference, state, amount_minor, currency, close_because, closed_reason,
    received_minor
FROM orders
WHERE merchant_id = %(merchant_id)s::text
    AND purpose = %(purpose)s::text
ORDER BY order_id;

-- name: events
-- All events that are kept, to compare them with those that were acknowledged.
SELECT k.event_key, e.state, e.reason
FROM event_keys AS k
LEFT JOIN events AS e
    ON e.merchant_id = k.merchant_id
    AND e.event_id = k.event_id
WHERE k.merchant_id = %(merchant_id)s::text
ORDER BY k.event_key;

-- name: effects
-- All effects, to compare them with what the receivers accepted.
SELECT e.effect_id, e.key, e.kind, e.nature, e.state, e.order_id, f.finding_id IS NOT NULL AS has_finding
FROM effects AS e
LEFT JOIN findings AS f
    ON f.merchant_id = e.merchant_id
    AND f.state <> 'resolved'
    AND f.fingerprint = e.state || '_effect:' || replace(e.effect_id::text, '-', '')
WHERE e.merchant_id = %(merchant_id)s::text
ORDER BY e.key;

-- name: tickets
-- What transactional handlers wrote, to see that it is once for each order.
SELECT order_id, count(*) AS tickets
FROM simulated_tickets
WHERE merchant_id = %(merchant_id)s::text
GROUP BY order_id
ORDER BY order_id;

-- name: open_findings
-- Which differences wait for somebody, by order: a purpose that is contested may hold its payer up.
SELECT f.kind, o.purpose, substr(f.fingerprint, length(f.kind) + 2) AS about
FROM findings AS f
JOIN orders AS o
    ON o.merchant_id = f.merchant_id
    AND o.order_id = f.order_id
WHERE f.merchant_id = %(merchant_id)s::text
    AND f.state <> 'resolved'
ORDER BY o.purpose, f.kind;

-- name: arrows
-- Which arrows were taken, and how often.
SELECT subject, source, event, target, count(*) AS steps
FROM audit
WHERE merchant_id = %(merchant_id)s::text
GROUP BY subject, source, event, target
ORDER BY subject, source, event, target;

-- name: refunds
-- All refunds of ours, each with what is left of its payment, and whether that is disputed.
SELECT r.refund_id, r.order_id, o.purpose, r.attempt_id, r.capture_ref, r.serves, r.state, r.amount_minor, r.currency,
    r.reason, r.asked_by, r.fence, r.lease_until, r.due_at, r.created_at, r.sent_at, r.decline, c.is_confirmed,
    c.captured_minor - (
        SELECT COALESCE(sum(mine.amount_minor), 0)
        FROM refunds AS mine
        WHERE mine.merchant_id = r.merchant_id
            AND mine.capture_ref = r.capture_ref
            AND mine.state NOT IN ('failed', 'cancelled')
    ) - (
        SELECT COALESCE(sum(CASE WHEN b.status IN ('open', 'lost', 'pending') THEN b.amount_minor ELSE b.returned_minor END), 0)
        FROM returns AS b
        WHERE b.merchant_id = r.merchant_id
            AND b.capture_ref = r.capture_ref
            AND b.refund_id IS NULL
    ) AS left_minor,
    EXISTS (
        SELECT 1
        FROM returns AS b
        WHERE b.merchant_id = r.merchant_id
            AND b.capture_ref = r.capture_ref
            AND b.nature = 'dispute'
            AND b.status IN ('warning', 'open')
    ) AS is_disputed
FROM refunds AS r
JOIN orders AS o
    ON o.merchant_id = r.merchant_id
    AND o.order_id = r.order_id
JOIN captures AS c
    ON c.merchant_id = r.merchant_id
    AND c.provider = r.provider
    AND c.account = r.account
    AND c.kind = r.capture_kind
    AND c.ref = r.capture_ref
WHERE r.merchant_id = %(merchant_id)s::text
ORDER BY r.refund_id;

-- name: refund_leases
-- Who holds which refund, asked after every step of those who send money back.
SELECT r.refund_id, r.attempt_id, o.purpose, r.state, r.fence, r.lease_until
FROM refunds AS r
JOIN orders AS o
    ON o.merchant_id = r.merchant_id
    AND o.order_id = r.order_id
WHERE r.merchant_id = %(merchant_id)s::text
ORDER BY r.refund_id;

-- name: purposes_money
-- Which payments there are of a purpose, as whoever begins a refund has to know them.
SELECT c.ref
FROM orders AS o
JOIN captures AS c
    ON c.merchant_id = o.merchant_id
    AND c.order_id = o.order_id
WHERE o.merchant_id = %(merchant_id)s::text
    AND o.purpose = %(purpose)s::text
ORDER BY c.ref;

-- name: returns
-- What we know of money that went back, by the provider's reference.
SELECT nature, ref, status, amount_minor, refund_id
FROM returns
WHERE merchant_id = %(merchant_id)s::text
ORDER BY ref;

-- name: surplus
-- Money that serves no order and is not back yet, with all that is found about it.
SELECT c.provider, c.ref, c.order_id, c.currency <> o.currency AS is_other_currency,
    c.surplus_minor - COALESCE(sum(b.returned_minor), 0) AS left_minor,
    (
        SELECT array_agg(f.kind ORDER BY f.kind)
        FROM findings AS f
        WHERE f.merchant_id = c.merchant_id
            AND f.state <> 'resolved'
            AND f.fingerprint LIKE '%%:' || c.ref
    ) AS findings
FROM captures AS c
JOIN orders AS o
    ON o.merchant_id = c.merchant_id
    AND o.order_id = c.order_id
LEFT JOIN returns AS b
    ON b.merchant_id = c.merchant_id
    AND b.capture_ref = c.ref
WHERE c.merchant_id = %(merchant_id)s::text
GROUP BY c.merchant_id, c.provider, c.ref, c.order_id, c.currency, c.surplus_minor, o.currency
HAVING c.surplus_minor > COALESCE(sum(b.returned_minor), 0)
ORDER BY c.provider, c.ref;

-- name: refund_findings
-- Refunds that wait for a person.
SELECT f.kind, f.fingerprint
FROM findings AS f
WHERE f.merchant_id = %(merchant_id)s::text
    AND f.state <> 'resolved'
    AND f.kind IN ('refund_planned', 'refund_in_doubt', 'refund_failed')
ORDER BY f.fingerprint;

-- name: refunding
-- Orders none of whose refunds is on its way, although the ledger says that money is.
SELECT e.order_id, e.currency, sum(p.amount_minor) AS left_minor
FROM entries AS e
JOIN postings AS p
    ON p.merchant_id = e.merchant_id
    AND p.entry_id = e.entry_id
WHERE e.merchant_id = %(merchant_id)s::text
    AND p.account = 'refunding'
    AND NOT EXISTS (
        SELECT 1
        FROM refunds AS r
        WHERE r.merchant_id = e.merchant_id
            AND r.order_id = e.order_id
            AND r.state IN ('sending', 'in_doubt', 'sent')
    )
GROUP BY e.order_id, e.currency
HAVING sum(p.amount_minor) <> 0
ORDER BY e.order_id;

-- name: refund_days
-- What went back by itself, by currency, and whether a day had more than its limit.
SELECT currency, sum(automatic_minor)::bigint AS automatic_minor, bool_or(automatic_minor > limit_minor) AS is_too_much
FROM refund_days
WHERE merchant_id = %(merchant_id)s::text
GROUP BY currency
ORDER BY currency;

-- name: stock
-- How many pieces of each item there are, to compare them with the storekeeper's list.
SELECT sku, on_hand, free, held, sold
FROM stock_items
WHERE merchant_id = %(merchant_id)s::text
ORDER BY sku;

-- name: payouts
-- All payouts, to compare them with what payees were to get.
SELECT payee, number, currency, amount_minor
FROM payouts
WHERE merchant_id = %(merchant_id)s::text
ORDER BY payee, number;

-- name: payees
-- What waits for a payout, corrected by what was paid otherwise than it stands now and is not settled yet.
SELECT payee, currency, sum(open_minor)::bigint AS open_minor
FROM (
    SELECT payee, currency, amount_minor - reversed_minor AS open_minor
    FROM accruals
    WHERE merchant_id = %(merchant_id)s::text
        AND state = 'accrued'
    UNION ALL
    SELECT payee, currency, amount_minor - reversed_minor - paid_minor
    FROM accruals
    WHERE merchant_id = %(merchant_id)s::text
        AND state = 'paid_out'
    UNION ALL
    SELECT payee, currency, -carried_minor
    FROM payouts
    WHERE merchant_id = %(merchant_id)s::text
) AS waiting
GROUP BY payee, currency
ORDER BY payee, currency;

-- name: troubles
-- What a job could not do, and why: an error of ours is written there, so that one order holds nothing else up.
SELECT fingerprint, detail
FROM findings
WHERE merchant_id = %(merchant_id)s::text
    AND kind = 'job_trouble'
ORDER BY fingerprint;
