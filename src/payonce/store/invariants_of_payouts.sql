-- The promises about what payees get, as questions to the database; see invariants.sql, which says how they are asked.

-- name: s4_payout_costs_are_the_accruals
-- S4: for each order, what is posted as shares of payees equals its accruals as they stand.
SELECT a.merchant_id, 'order:' || a.order_id AS ref,
    'accruals of ' || a.left_minor || ' ' || a.currency || ', posted ' || COALESCE(posted.amount_minor, 0) AS detail,
    a.since
FROM (
    SELECT merchant_id, order_id, currency, sum(amount_minor - reversed_minor) AS left_minor, min(accrued_at) AS since
    FROM accruals
    GROUP BY merchant_id, order_id, currency
) AS a
LEFT JOIN (
    SELECT e.merchant_id, e.order_id, e.currency, sum(p.amount_minor) AS amount_minor
    FROM entries AS e
    JOIN postings AS p
        ON p.merchant_id = e.merchant_id
        AND p.entry_id = e.entry_id
    WHERE p.account = 'payout_costs'
    GROUP BY e.merchant_id, e.order_id, e.currency
) AS posted
    ON posted.merchant_id = a.merchant_id
    AND posted.order_id = a.order_id
    AND posted.currency = a.currency
WHERE (%(merchant_id)s::text IS NULL OR a.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR a.since >= %(since)s::timestamptz)
    AND a.left_minor <> COALESCE(posted.amount_minor, 0)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s4_payouts_due_are_what_is_left
-- S4: for each payee, what is posted as due equals the accruals less the payouts, and what is posted as paid the payouts.
SELECT said.merchant_id, 'payee:' || said.payee AS ref,
    said.account || ': the rows say ' || said.amount_minor || ' ' || said.currency || ', posted '
        || COALESCE(posted.amount_minor, 0) AS detail,
    said.since
FROM (
    SELECT merchant_id, payee, account || payee AS account, currency, sum(amount_minor) AS amount_minor,
        min(since) AS since
    FROM (
        SELECT merchant_id, payee, 'payouts_due:' AS account, currency, reversed_minor - amount_minor AS amount_minor,
            accrued_at AS since
        FROM accruals
        UNION ALL
        SELECT merchant_id, payee, 'payouts_due:', currency, amount_minor, made_at
        FROM payouts
        UNION ALL
        SELECT merchant_id, payee, 'payouts:', currency, -amount_minor, made_at
        FROM payouts
    ) AS movements
    GROUP BY merchant_id, payee, account, currency
) AS said
LEFT JOIN (
    SELECT e.merchant_id, p.account, e.currency, sum(p.amount_minor) AS amount_minor
    FROM entries AS e
    JOIN postings AS p
        ON p.merchant_id = e.merchant_id
        AND p.entry_id = e.entry_id
    GROUP BY e.merchant_id, p.account, e.currency
) AS posted
    ON posted.merchant_id = said.merchant_id
    AND posted.account = said.account
    AND posted.currency = said.currency
WHERE (%(merchant_id)s::text IS NULL OR said.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR said.since >= %(since)s::timestamptz)
    AND said.amount_minor <> COALESCE(posted.amount_minor, 0)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s10_one_accrual_per_payment
-- S10: a payee's share of an order accrued once; two rows of it would be paid out twice.
SELECT a.merchant_id, 'order:' || a.order_id AS ref, a.payee || ' accrued ' || count(*) || ' times' AS detail,
    max(a.accrued_at) AS since
FROM accruals AS a
WHERE (%(merchant_id)s::text IS NULL OR a.merchant_id = %(merchant_id)s::text)
GROUP BY a.merchant_id, a.order_id, a.payee
HAVING count(*) > 1
    AND (%(since)s::timestamptz IS NULL OR max(a.accrued_at) >= %(since)s::timestamptz)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s10_payout_is_its_accruals
-- S10: a payout pays what its accruals brought, corrected by what is carried, and there is one of each number.
SELECT p.merchant_id, 'payout:' || min(p.payout_id::text) AS ref,
    'number ' || p.number || ' of ' || p.payee || ' is ' || sum(p.gross_minor) || ' and ' || sum(p.carried_minor)
        || ' carried, pays ' || sum(p.amount_minor) || ', and its accruals brought '
        || COALESCE(max(a.paid_minor), 0) || ', in ' || count(*) || ' rows' AS detail,
    max(p.made_at) AS since
FROM payouts AS p
LEFT JOIN (
    SELECT merchant_id, payee, payout_number, currency, sum(paid_minor) AS paid_minor
    FROM accruals
    WHERE payout_number IS NOT NULL
    GROUP BY merchant_id, payee, payout_number, currency
) AS a
    ON a.merchant_id = p.merchant_id
    AND a.payee = p.payee
    AND a.payout_number = p.number
    AND a.currency = p.currency
WHERE (%(merchant_id)s::text IS NULL OR p.merchant_id = %(merchant_id)s::text)
GROUP BY p.merchant_id, p.payee, p.number
HAVING (
        count(*) > 1
        OR sum(p.gross_minor) <> COALESCE(max(a.paid_minor), 0)
        OR sum(p.amount_minor) <> sum(p.gross_minor) + sum(p.carried_minor)
    )
    AND (%(since)s::timestamptz IS NULL OR max(p.made_at) >= %(since)s::timestamptz)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s11_accrual_has_its_settlement
-- S11: a share accrues only of an order that was paid, as it was placed; it is paid out only by a payout that exists.
SELECT a.merchant_id, 'order:' || a.order_id AS ref,
    a.payee || ' has ' || a.amount_minor || ' ' || a.currency || ', ' || a.state
        || COALESCE(' by number ' || a.payout_number, '') || ', without its cause' AS detail,
    a.accrued_at AS since
FROM accruals AS a
WHERE (%(merchant_id)s::text IS NULL OR a.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR a.accrued_at >= %(since)s::timestamptz)
    AND (
        NOT EXISTS (
            SELECT 1
            FROM settlements AS s
            WHERE s.merchant_id = a.merchant_id AND s.order_id = a.order_id AND s.currency = a.currency
        )
        OR NOT EXISTS (
            SELECT 1
            FROM order_payouts AS share
            WHERE share.merchant_id = a.merchant_id
                AND share.order_id = a.order_id
                AND share.payee = a.payee
                AND share.amount_minor = a.amount_minor
        )
        OR (a.payout_number IS NOT NULL AND NOT EXISTS (
            SELECT 1
            FROM payouts AS p
            WHERE p.merchant_id = a.merchant_id AND p.payee = a.payee AND p.number = a.payout_number
        ))
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s11_paid_order_accrued_its_shares
-- S11, the other way round: every share of a paid order accrued with its settlement.
SELECT s.merchant_id, 'order:' || s.order_id AS ref, share.payee || ' never accrued' AS detail, s.settled_at AS since
FROM settlements AS s
JOIN order_payouts AS share
    ON share.merchant_id = s.merchant_id
    AND share.order_id = s.order_id
WHERE (%(merchant_id)s::text IS NULL OR s.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR s.settled_at >= %(since)s::timestamptz)
    AND NOT EXISTS (
        SELECT 1
        FROM accruals AS a
        WHERE a.merchant_id = s.merchant_id AND a.order_id = s.order_id AND a.payee = share.payee
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;
