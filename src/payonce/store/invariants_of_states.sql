-- The promises about states, attempts and effects as questions to the database; see invariants.sql, which says how they
-- are asked and answered.

-- name: s6_one_live_attempt
-- S6, our half of it: of a purpose, at most one attempt may be payable; the provider's half is asked by the tests.
SELECT a.merchant_id, 'order:' || min(a.order_id::text) AS ref,
    'the purpose ' || a.purpose || ' has ' || count(*) || ' live attempts' AS detail,
    max(a.created_at) AS since
FROM attempts AS a
WHERE (%(merchant_id)s::text IS NULL OR a.merchant_id = %(merchant_id)s::text)
    AND a.state IN ('creating', 'open', 'pending', 'closing', 'in_doubt')
GROUP BY a.merchant_id, a.purpose
HAVING count(*) > 1
    AND (%(since)s::timestamptz IS NULL OR max(a.created_at) >= %(since)s::timestamptz)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s7_next_attempt_only_after_a_dead_one
-- S7: number n+1 was begun only when n was proven dead, abandoned, or had ended paid for less than the order asks.
-- Whether n was dead by then is read from the audit, because a late payment makes a dead attempt paid; what it brought
-- counts as of then, because more can come to what was part-paid. The times come from the clocks of two processes;
-- five seconds are allowed between them.
SELECT later.merchant_id, 'attempt:' || later.attempt_id AS ref,
    'number ' || later.number || ' was begun while '
        || COALESCE('number ' || former.number || ' was ' || former.state, 'its former one is missing') AS detail,
    later.created_at AS since
FROM attempts AS later
JOIN orders AS o
    ON o.merchant_id = later.merchant_id
    AND o.order_id = later.order_id
LEFT JOIN attempts AS former
    ON former.merchant_id = later.merchant_id
    AND former.order_id = later.order_id
    AND former.number = later.number - 1
WHERE (%(merchant_id)s::text IS NULL OR later.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR later.created_at >= %(since)s::timestamptz)
    AND later.number > 1
    AND NOT EXISTS (
        SELECT 1
        FROM audit AS step
        WHERE step.merchant_id = former.merchant_id
            AND step.subject_id = former.attempt_id
            AND step.subject = 'attempt'
            AND step.target IN ('failed', 'closed', 'abandoned')
            AND step.at <= later.created_at + interval '5 seconds'
    )
    AND NOT (
        former.state = 'paid'
        AND (
            SELECT COALESCE(sum(c.captured_minor), 0)
            FROM captures AS c
            WHERE c.merchant_id = former.merchant_id
                AND c.attempt_id = former.attempt_id
                AND c.currency = o.currency
                AND c.captured_at <= later.created_at + interval '5 seconds'
        ) < o.amount_minor
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s8_steps_follow_arrows
-- S8: every step in the audit is a written arrow; the arrows are handed in from the tables of the rules.
SELECT a.merchant_id, a.subject || ':' || a.subject_id AS ref,
    a.source || ' on ' || a.event || ' to ' || a.target || ' by ' || a.actor AS detail,
    a.at AS since
FROM audit AS a
WHERE (%(merchant_id)s::text IS NULL OR a.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR a.at >= %(since)s::timestamptz)
    AND a.subject = ANY(%(subjects)s::text[])
    AND NOT EXISTS (
        SELECT 1
        FROM unnest(%(subjects)s::text[], %(sources)s::text[], %(events)s::text[], %(targets)s::text[])
            AS arrow (subject, source, event, target)
        WHERE arrow.subject = a.subject
            AND arrow.source = a.source
            AND arrow.event = a.event
            AND arrow.target = a.target
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s8_attempt_steps_lead_to_its_state
-- S8: the steps of an attempt are one path from creating to its state: every other state is left as often as entered.
-- Counted, and not put in order, because the steps of two processes are not ordered by their clocks.
SELECT a.merchant_id, 'attempt:' || a.attempt_id AS ref,
    'is ' || a.state || ', and ' || step.state || ' was entered ' || step.entered || ' and left ' || step.gone
        || ' times' AS detail,
    a.created_at AS since
FROM attempts AS a
JOIN (
    SELECT merchant_id, subject_id, state, sum(entered) AS entered, sum(gone) AS gone
    FROM (
        SELECT merchant_id, subject_id, target AS state, 1 AS entered, 0 AS gone
        FROM audit
        WHERE subject = 'attempt'
        UNION ALL
        SELECT merchant_id, subject_id, source, 0, 1
        FROM audit
        WHERE subject = 'attempt'
        UNION ALL
        SELECT merchant_id, attempt_id, 'creating', 1, 0
        FROM attempts
        UNION ALL
        SELECT merchant_id, attempt_id, state, 0, 1
        FROM attempts
    ) AS ends
    GROUP BY merchant_id, subject_id, state
    HAVING sum(entered) <> sum(gone)
) AS step
    ON step.merchant_id = a.merchant_id
    AND step.subject_id = a.attempt_id
WHERE (%(merchant_id)s::text IS NULL OR a.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR a.created_at >= %(since)s::timestamptz)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s8_effect_steps_lead_to_its_state
-- S8: the same for effects, which begin pending.
SELECT e.merchant_id, 'effect:' || e.effect_id AS ref,
    'is ' || e.state || ', and ' || step.state || ' was entered ' || step.entered || ' and left ' || step.gone
        || ' times' AS detail,
    e.owed_at AS since
FROM effects AS e
JOIN (
    SELECT merchant_id, subject_id, state, sum(entered) AS entered, sum(gone) AS gone
    FROM (
        SELECT merchant_id, subject_id, target AS state, 1 AS entered, 0 AS gone
        FROM audit
        WHERE subject = 'effect'
        UNION ALL
        SELECT merchant_id, subject_id, source, 0, 1
        FROM audit
        WHERE subject = 'effect'
        UNION ALL
        SELECT merchant_id, effect_id, 'pending', 1, 0
        FROM effects
        UNION ALL
        SELECT merchant_id, effect_id, state, 0, 1
        FROM effects
    ) AS ends
    GROUP BY merchant_id, subject_id, state
    HAVING sum(entered) <> sum(gone)
) AS step
    ON step.merchant_id = e.merchant_id
    AND step.subject_id = e.effect_id
WHERE (%(merchant_id)s::text IS NULL OR e.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR e.owed_at >= %(since)s::timestamptz)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s8_order_steps_lead_to_its_state
-- S8: the same for orders, which begin open or waiting.
SELECT o.merchant_id, 'order:' || o.order_id AS ref,
    'is ' || o.state || ', and ' || step.state || ' was entered ' || step.entered || ' and left ' || step.gone
        || ' times' AS detail,
    o.created_at AS since
FROM orders AS o
JOIN (
    SELECT merchant_id, subject_id, state, sum(entered) AS entered, sum(gone) AS gone
    FROM (
        SELECT merchant_id, subject_id, target AS state, 1 AS entered, 0 AS gone
        FROM audit
        WHERE subject = 'order'
            AND event <> 'placed'
        UNION ALL
        SELECT merchant_id, subject_id, source, 0, 1
        FROM audit
        WHERE subject = 'order'
            AND event <> 'placed'
        UNION ALL
        SELECT merchant_id, order_id, state, 0, 1
        FROM orders
    ) AS ends
    GROUP BY merchant_id, subject_id, state
) AS step
    ON step.merchant_id = o.merchant_id
    AND step.subject_id = o.order_id
WHERE (%(merchant_id)s::text IS NULL OR o.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR o.created_at >= %(since)s::timestamptz)
    -- The state that it began in is left once more than it is entered; it can only be open or waiting.
    AND step.gone - step.entered <> 0
    AND NOT (step.state IN ('open', 'waiting') AND step.gone - step.entered = 1)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s10_one_accepted_delivery
-- S10: an effect was accepted once, and once more for each time that a person asked again for one that was done, or
-- said that one was not done of which nobody knew. What a receiver knows by our key counts once however often it hears.
SELECT e.merchant_id, 'effect:' || e.effect_id AS ref,
    e.kind || ' was accepted ' || count(d.try_number) || ' times' AS detail,
    e.owed_at AS since
FROM effects AS e
JOIN deliveries AS d
    ON d.merchant_id = e.merchant_id
    AND d.effect_id = e.effect_id
    AND d.outcome = 'accepted'
WHERE (%(merchant_id)s::text IS NULL OR e.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR e.owed_at >= %(since)s::timestamptz)
GROUP BY e.merchant_id, e.effect_id, e.kind, e.owed_at
HAVING count(d.try_number) > 1 + (
    SELECT count(*)
    FROM audit AS a
    WHERE a.merchant_id = e.merchant_id
        AND a.subject = 'effect'
        AND a.subject_id = e.effect_id
        AND a.event = 'retry'
        AND a.source IN ('done', 'unknown')
)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s10_one_effect_per_key
-- S10: a key is owed once; two rows of one key would be delivered twice.
SELECT e.merchant_id, 'effect:' || min(e.effect_id::text) AS ref, 'the key ' || e.key || ' has ' || count(*) || ' rows'
        AS detail,
    max(e.owed_at) AS since
FROM effects AS e
WHERE (%(merchant_id)s::text IS NULL OR e.merchant_id = %(merchant_id)s::text)
GROUP BY e.merchant_id, e.key
HAVING count(*) > 1
    AND (%(since)s::timestamptz IS NULL OR max(e.owed_at) >= %(since)s::timestamptz)
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s11_effect_has_its_cause
-- S11: what is owed because something happened is owed only where that did happen.
SELECT e.merchant_id, 'effect:' || e.effect_id AS ref, e.kind || ' on ' || e.occasion || ' without its cause' AS detail,
    e.owed_at AS since
FROM effects AS e
WHERE (%(merchant_id)s::text IS NULL OR e.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR e.owed_at >= %(since)s::timestamptz)
    AND (
        (e.occasion = 'order.paid' AND NOT EXISTS (
            SELECT 1 FROM settlements AS s WHERE s.merchant_id = e.merchant_id AND s.order_id = e.order_id
        ))
        OR (e.occasion = 'order.closed' AND NOT EXISTS (
            SELECT 1
            FROM audit AS a
            WHERE a.merchant_id = e.merchant_id
                AND a.subject_id = e.order_id
                AND a.subject = 'order'
                AND a.target = 'closed'
        ))
        OR (e.occasion IN ('payment.surplus', 'order.late_payment') AND NOT EXISTS (
            SELECT 1 FROM captures AS c WHERE c.merchant_id = e.merchant_id AND c.order_id = e.order_id
        ))
        OR (e.occasion IN ('refund.done', 'refund.failed') AND NOT EXISTS (
            SELECT 1
            FROM returns AS b
            WHERE b.merchant_id = e.merchant_id AND b.order_id = e.order_id AND b.nature = 'refund'
        ))
        OR (e.occasion = 'payout.due' AND NOT EXISTS (
            SELECT 1
            FROM payouts AS p
            WHERE p.merchant_id = e.merchant_id
                AND p.order_id = e.order_id
                AND e.key = 'payout:' || p.payee || ':' || p.number || ':' || e.kind
        ))
        OR (e.occasion = 'reversal.surplus_delivery' AND NOT EXISTS (
            SELECT 1
            FROM effects AS done
            JOIN deliveries AS d
                ON d.merchant_id = done.merchant_id
                AND d.effect_id = done.effect_id
            WHERE done.merchant_id = e.merchant_id AND done.order_id = e.order_id AND d.outcome = 'accepted'
        ))
        OR (e.occasion = 'reversal.refund' AND NOT EXISTS (
            SELECT 1
            FROM returns AS b
            WHERE b.merchant_id = e.merchant_id AND b.order_id = e.order_id AND b.nature = 'refund'
        ))
        OR (e.occasion IN ('dispute.opened', 'dispute.closed', 'reversal.dispute') AND NOT EXISTS (
            SELECT 1
            FROM returns AS b
            WHERE b.merchant_id = e.merchant_id AND b.order_id = e.order_id AND b.nature = 'dispute'
        ))
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s20_paid_is_fulfilled_or_watched
-- S20: the fulfilment of a paid order is done, on its way, or stopped with a finding; only a person suppresses it.
SELECT e.merchant_id, 'effect:' || e.effect_id AS ref,
    e.kind || ' is ' || e.state
        || CASE e.state WHEN 'suppressed' THEN ', and nobody said so' ELSE ', without an open finding' END AS detail,
    e.owed_at AS since
FROM effects AS e
WHERE (%(merchant_id)s::text IS NULL OR e.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR e.owed_at >= %(since)s::timestamptz)
    AND e.nature = 'fulfilment'
    AND e.occasion = 'order.paid'
    AND (
        (e.state = 'suppressed' AND NOT EXISTS (
            SELECT 1
            FROM audit AS a
            WHERE a.merchant_id = e.merchant_id
                AND a.subject = 'effect'
                AND a.subject_id = e.effect_id
                AND a.event = 'skip'
        ))
        OR (e.state IN ('unknown', 'held', 'dead') AND NOT EXISTS (
            SELECT 1
            FROM findings AS f
            WHERE f.merchant_id = e.merchant_id
                AND f.resolved_at IS NULL
                AND f.fingerprint = e.state || '_effect:' || replace(e.effect_id::text, '-', '')
        ))
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;

-- name: s20_paid_owes_its_fulfilment
-- S20: a paid order owes every fulfilment of the kinds that are handed in. Without any nothing is asked, for only the
-- application knows since when a kind is declared.
SELECT o.merchant_id, 'order:' || o.order_id AS ref, 'paid, and ' || kind.name || ' was never owed' AS detail,
    o.paid_at AS since
FROM orders AS o
CROSS JOIN unnest(%(kinds)s::text[]) AS kind (name)
WHERE (%(merchant_id)s::text IS NULL OR o.merchant_id = %(merchant_id)s::text)
    AND (%(since)s::timestamptz IS NULL OR o.paid_at >= %(since)s::timestamptz)
    AND o.state = 'paid'
    AND NOT EXISTS (
        SELECT 1
        FROM effects AS e
        WHERE e.merchant_id = o.merchant_id
            AND e.order_id = o.order_id
            AND e.kind = kind.name
            AND e.occasion = 'order.paid'
    )
ORDER BY 1, 2
LIMIT %(limit)s::integer;
