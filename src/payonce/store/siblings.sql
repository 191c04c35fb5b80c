-- Siblings: orders that are served by one payment, one purpose or one payer; see domain/duplicate.py.

-- name: paid_siblings
-- Finds, of orders that a job is about to act on, those with a sibling that is paid, and by what they are siblings: by a
-- provider's payment (which reference the sibling's attempt owns, or which both name as their handle), by the purpose, or,
-- where a merchant keeps one order for each payer, by a newer order of the payer.
SELECT a.order_id, a.attempt_id, 'payment' AS shares, paid.order_id AS sibling_id
FROM attempts AS a
JOIN provider_refs AS r
    ON r.merchant_id = a.merchant_id
    AND r.provider = a.provider
    AND r.account = a.account
    AND r.kind = a.handle_kind
    AND r.ref = a.handle_ref
JOIN orders AS paid
    ON paid.merchant_id = r.merchant_id
    AND paid.order_id = r.order_id
    AND paid.state = 'paid'
WHERE a.merchant_id = %(merchant_id)s::text
    AND a.order_id = ANY(%(order_ids)s::uuid[])
    AND r.order_id <> a.order_id
UNION
SELECT a.order_id, a.attempt_id, 'payment', paid.order_id
FROM attempts AS a
JOIN attempts AS other
    ON other.merchant_id = a.merchant_id
    AND other.handle_ref = a.handle_ref
    AND other.handle_kind = a.handle_kind
    AND other.provider = a.provider
    AND other.account = a.account
JOIN orders AS paid
    ON paid.merchant_id = other.merchant_id
    AND paid.order_id = other.order_id
    AND paid.state = 'paid'
WHERE a.merchant_id = %(merchant_id)s::text
    AND a.order_id = ANY(%(order_ids)s::uuid[])
    AND a.handle_ref IS NOT NULL
    AND other.order_id <> a.order_id
    AND other.state = 'paid'
UNION
SELECT o.order_id, NULL::uuid, 'purpose', paid.order_id
FROM orders AS o
JOIN orders AS paid
    ON paid.merchant_id = o.merchant_id
    AND paid.purpose = o.purpose
    AND paid.state = 'paid'
    AND paid.released_at IS NULL
WHERE o.merchant_id = %(merchant_id)s::text
    AND o.order_id = ANY(%(order_ids)s::uuid[])
    AND o.state = 'waiting'
UNION
SELECT o.order_id, NULL::uuid, 'payer', paid.order_id
FROM orders AS o
JOIN orders AS paid
    ON paid.merchant_id = o.merchant_id
    AND paid.payer_reference = o.payer_reference
    AND paid.state = 'paid'
    AND paid.created_at > o.created_at
WHERE %(by_payer)s::boolean
    AND o.merchant_id = %(merchant_id)s::text
    AND o.order_id = ANY(%(order_ids)s::uuid[])
    AND o.state IN ('open', 'waiting')
ORDER BY 1, 3, 2, 4;
