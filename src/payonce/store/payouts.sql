-- Payouts: what others are to get of orders. Shares are placed with an order; accruals are written with its book; payouts
-- are made by a job, which locks the payee, then the orders of what it covers (shared), and writes their accruals.

-- name: insert_shares
-- Stores what payees are to get of a new order.
INSERT INTO order_payouts (merchant_id, order_id, payee, amount_minor)
SELECT %(merchant_id)s::text, %(order_id)s::uuid, payee, amount_minor
FROM unnest(%(payees)s::text[], %(amounts)s::bigint[]) AS new (payee, amount_minor)
ORDER BY payee;

-- name: load_shares
-- Loads the shares of locked orders, with what became of each since the order was paid.
SELECT s.order_id, s.payee, s.amount_minor AS share_minor, a.accrual_id, a.currency, a.state, a.held_because,
    a.amount_minor, a.reversed_minor, a.payout_number, a.paid_minor, a.version
FROM order_payouts AS s
LEFT JOIN accruals AS a
    ON a.merchant_id = s.merchant_id
    AND a.order_id = s.order_id
    AND a.payee = s.payee
WHERE s.merchant_id = %(merchant_id)s::text
    AND s.order_id = ANY(%(order_ids)s::uuid[])
ORDER BY s.order_id, s.payee;

-- name: insert_accruals
-- Owes payees their shares of paid orders, once for ever: the primary key refuses a second one.
INSERT INTO accruals (
    merchant_id, accrual_id, order_id, payee, currency, state, held_because, amount_minor, reversed_minor, accrued_at,
    version
)
SELECT %(merchant_id)s::text, accrual_id, order_id, payee, currency, state, held_because, amount_minor, reversed_minor,
    %(now)s::timestamptz, version
FROM unnest(
    %(accrual_ids)s::uuid[], %(order_ids)s::uuid[], %(payees)s::text[], %(currencies)s::text[], %(states)s::text[],
    %(held_because)s::text[], %(amounts)s::bigint[], %(reversed)s::bigint[], %(versions)s::integer[]
) AS new (accrual_id, order_id, payee, currency, state, held_because, amount_minor, reversed_minor, version)
ORDER BY order_id, payee;

-- name: update_accruals
-- Writes accruals as they stand now; what was owed at first never changes.
UPDATE accruals AS a
SET state = new.state,
    held_because = new.held_because,
    reversed_minor = new.reversed_minor,
    payout_number = new.payout_number,
    paid_minor = new.paid_minor,
    version = new.version
FROM unnest(
    %(order_ids)s::uuid[], %(payees)s::text[], %(states)s::text[], %(held_because)s::text[], %(reversed)s::bigint[],
    %(numbers)s::integer[], %(paid)s::bigint[], %(versions)s::integer[]
) AS new (order_id, payee, state, held_because, reversed_minor, payout_number, paid_minor, version)
WHERE a.merchant_id = %(merchant_id)s::text
    AND a.order_id = new.order_id
    AND a.payee = new.payee;

-- name: payees_due
-- Finds payees who are owed as much as makes a payout, by currency: what accrued, corrected by what was paid otherwise
-- than it stands now and was not settled by a later payout.
SELECT open.payee, open.currency
FROM (
    SELECT payee, currency, amount_minor - reversed_minor AS open_minor, 1 AS accruals
    FROM accruals
    WHERE merchant_id = %(merchant_id)s::text
        AND state = 'accrued'
    UNION ALL
    SELECT payee, currency, amount_minor - reversed_minor - paid_minor, 0
    FROM accruals
    WHERE merchant_id = %(merchant_id)s::text
        AND state = 'paid_out'
        AND amount_minor - reversed_minor <> paid_minor
    UNION ALL
    SELECT payee, currency, -carried_minor, 0
    FROM payouts
    WHERE merchant_id = %(merchant_id)s::text
        AND carried_minor <> 0
) AS open
LEFT JOIN unnest(%(currencies)s::text[], %(thresholds)s::bigint[]) AS policy (currency, threshold_minor)
    ON policy.currency = open.currency
GROUP BY open.payee, open.currency, policy.threshold_minor
HAVING sum(open.open_minor) > 0
    AND (sum(open.open_minor) >= COALESCE(policy.threshold_minor, 0) OR sum(open.accruals) >= %(most)s::integer)
ORDER BY open.payee, open.currency
LIMIT %(limit)s::integer;

-- name: lock_payee
-- Lets one worker at a time make payouts to a payee.
INSERT INTO payees (merchant_id, payee)
VALUES (%(merchant_id)s::text, %(payee)s::text)
ON CONFLICT (merchant_id, payee) DO UPDATE
SET last_number = payees.last_number
RETURNING last_number;

-- name: orders_to_cover
-- Finds the orders of a payee's accruals that wait for a payout, the oldest first.
SELECT order_id
FROM accruals
WHERE merchant_id = %(merchant_id)s::text
    AND payee = %(payee)s::text
    AND currency = %(currency)s::text
    AND state = 'accrued'
ORDER BY order_id
LIMIT %(limit)s::integer;

-- name: orders_to_free
-- Finds the orders of accruals that are held back although nothing seems to speak against them any more.
SELECT DISTINCT a.order_id
FROM accruals AS a
WHERE a.merchant_id = %(merchant_id)s::text
    AND a.state = 'held'
    AND NOT EXISTS (
        SELECT 1
        FROM findings AS f
        WHERE f.merchant_id = a.merchant_id
            AND f.order_id = a.order_id
            AND f.resolved_at IS NULL
            AND f.kind = ANY(%(doubts)s::text[])
    )
    AND NOT EXISTS (
        SELECT 1
        FROM returns AS b
        WHERE b.merchant_id = a.merchant_id
            AND b.order_id = a.order_id
            AND b.nature = 'dispute'
            AND b.status IN ('warning', 'open')
    )
    AND NOT EXISTS (
        SELECT 1
        FROM refunds AS r
        WHERE r.merchant_id = a.merchant_id
            AND r.order_id = a.order_id
            AND r.serves = 'order'
            AND r.state IN ('planned', 'due', 'sending', 'in_doubt', 'sent')
    )
ORDER BY a.order_id
LIMIT %(limit)s::integer;

-- name: weigh_accruals
-- Reads accruals of orders that are held, in one state, with what speaks against paying them out.
SELECT a.accrual_id, a.order_id, a.payee, a.currency, a.state, a.held_because, a.amount_minor, a.reversed_minor,
    a.payout_number, a.paid_minor, a.version,
    (
        SELECT min(f.kind)
        FROM findings AS f
        WHERE f.merchant_id = a.merchant_id
            AND f.order_id = a.order_id
            AND f.resolved_at IS NULL
            AND f.kind = ANY(%(doubts)s::text[])
    ) AS finding,
    EXISTS (
        SELECT 1
        FROM returns AS b
        WHERE b.merchant_id = a.merchant_id
            AND b.order_id = a.order_id
            AND b.nature = 'dispute'
            AND b.status IN ('warning', 'open')
    ) AS is_disputed,
    EXISTS (
        SELECT 1
        FROM refunds AS r
        WHERE r.merchant_id = a.merchant_id
            AND r.order_id = a.order_id
            AND r.serves = 'order'
            AND r.state IN ('planned', 'due', 'sending', 'in_doubt', 'sent')
    ) AS is_going_back
FROM accruals AS a
WHERE a.merchant_id = %(merchant_id)s::text
    AND a.order_id = ANY(%(order_ids)s::uuid[])
    AND a.state = %(state)s::text
    AND (%(payee)s::text IS NULL OR a.payee = %(payee)s::text)
    AND (%(currency)s::text IS NULL OR a.currency = %(currency)s::text)
ORDER BY a.order_id, a.payee;

-- name: carried
-- Sums what earlier payouts paid otherwise than their accruals stand now, less what later payouts settled of it.
SELECT COALESCE(sum(open.open_minor), 0)::bigint AS carried_minor
FROM (
    SELECT amount_minor - reversed_minor - paid_minor AS open_minor
    FROM accruals
    WHERE merchant_id = %(merchant_id)s::text
        AND payee = %(payee)s::text
        AND currency = %(currency)s::text
        AND state = 'paid_out'
        AND amount_minor - reversed_minor <> paid_minor
    UNION ALL
    SELECT -carried_minor
    FROM payouts
    WHERE merchant_id = %(merchant_id)s::text
        AND payee = %(payee)s::text
        AND currency = %(currency)s::text
        AND carried_minor <> 0
) AS open;

-- name: orders_paid_otherwise
-- Names the orders whose accruals a payout paid otherwise than they stand now: what the next payout settles.
SELECT order_id
FROM accruals
WHERE merchant_id = %(merchant_id)s::text
    AND payee = %(payee)s::text
    AND currency = %(currency)s::text
    AND state = 'paid_out'
    AND amount_minor - reversed_minor <> paid_minor
ORDER BY order_id;

-- name: last_payout
-- Finds the payee's last payout of a currency: what corrects it belongs to the same order where nothing new accrued.
SELECT order_id
FROM payouts
WHERE merchant_id = %(merchant_id)s::text
    AND payee = %(payee)s::text
    AND currency = %(currency)s::text
ORDER BY number DESC
LIMIT 1;

-- name: insert_payout
-- Makes a payout; its number is the payee's next one, and unique.
INSERT INTO payouts (
    merchant_id, payout_id, payee, number, currency, gross_minor, carried_minor, amount_minor, order_id, made_at
)
VALUES (
    %(merchant_id)s::text, %(payout_id)s::uuid, %(payee)s::text, %(number)s::integer, %(currency)s::text,
    %(gross)s::bigint, %(carried)s::bigint, %(amount)s::bigint, %(order_id)s::uuid, %(now)s::timestamptz
);

-- name: count_payout
-- Notes the number of a payee's last payout.
UPDATE payees
SET last_number = %(number)s::integer
WHERE merchant_id = %(merchant_id)s::text
    AND payee = %(payee)s::text;

-- name: list_payouts
-- Shows payouts to people and programs, the newest first, from behind a given one on, with the states of their effects.
SELECT p.payout_id, p.payee, p.number, p.currency, p.gross_minor, p.carried_minor, p.amount_minor, p.order_id, p.made_at,
    ARRAY(
        SELECT e.kind || ' ' || e.state
        FROM effects AS e
        WHERE e.merchant_id = p.merchant_id
            AND e.order_id = p.order_id
            AND e.occasion = 'payout.due'
            AND e.key = 'payout:' || p.payee || ':' || p.number || ':' || e.kind
        ORDER BY e.kind
    ) AS effects
FROM payouts AS p
WHERE p.merchant_id = %(merchant_id)s::text
    AND (%(payee)s::text IS NULL OR p.payee = %(payee)s::text)
    AND (%(before)s::uuid IS NULL OR p.payout_id < %(before)s::uuid)
ORDER BY p.payout_id DESC
LIMIT %(limit)s::integer;

-- name: payouts_by_number
-- Reads payouts that effects are about, by payee and number.
SELECT p.payee, p.number, p.currency, p.gross_minor, p.carried_minor, p.amount_minor
FROM payouts AS p
JOIN unnest(%(payees)s::text[], %(numbers)s::integer[]) AS asked (payee, number)
    ON asked.payee = p.payee
    AND asked.number = p.number
WHERE p.merchant_id = %(merchant_id)s::text
ORDER BY p.payee, p.number;

-- name: accruals_by_number
-- Reads what such payouts cover.
SELECT a.payee, a.payout_number, a.order_id, a.paid_minor
FROM accruals AS a
JOIN unnest(%(payees)s::text[], %(numbers)s::integer[]) AS asked (payee, number)
    ON asked.payee = a.payee
    AND asked.number = a.payout_number
WHERE a.merchant_id = %(merchant_id)s::text
ORDER BY a.payee, a.payout_number, a.order_id;

-- name: sums_of_payee
-- Sums what a payee is owed, by currency: what waits, what is held back, what was paid out, and what that should have been.
SELECT sums.currency,
    sum(sums.accrued_minor)::bigint AS accrued_minor,
    sum(sums.held_minor)::bigint AS held_minor,
    sum(sums.reversed_minor)::bigint AS reversed_minor,
    sum(sums.paid_out_minor)::bigint AS paid_out_minor,
    sum(sums.carried_minor)::bigint AS carried_minor
FROM (
    SELECT currency,
        CASE state WHEN 'accrued' THEN amount_minor - reversed_minor ELSE 0 END AS accrued_minor,
        CASE state WHEN 'held' THEN amount_minor - reversed_minor ELSE 0 END AS held_minor,
        reversed_minor,
        0 AS paid_out_minor,
        CASE state WHEN 'paid_out' THEN amount_minor - reversed_minor - paid_minor ELSE 0 END AS carried_minor
    FROM accruals
    WHERE merchant_id = %(merchant_id)s::text
        AND payee = %(payee)s::text
    UNION ALL
    SELECT currency, 0, 0, 0, amount_minor, -carried_minor
    FROM payouts
    WHERE merchant_id = %(merchant_id)s::text
        AND payee = %(payee)s::text
) AS sums
GROUP BY sums.currency
ORDER BY sums.currency;
