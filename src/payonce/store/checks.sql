-- What the monitor asks about orders and effects; about providers and people in checks_of_providers.sql. Each question is bounded by an index on what is not
-- finished, or by the time of its window (ids are made in order of time), so that it costs no more as tables grow.
-- Most answer with: about (what makes the fingerprint), order_id, provider, money_minor, currency, says (in words), since,
-- evidence (rows as `kind:<id>`).

-- name: stuck_attempts
-- C19: attempts that are not finished beyond their time, by the partial index over the live ones.
SELECT replace(a.order_id::text, '-', '') AS about, a.order_id, a.provider, a.amount_minor AS money_minor, a.currency,
    'attempt ' || a.number || ' is ' || a.state AS says,
    CASE a.state WHEN 'in_doubt' THEN COALESCE(a.sent_at, a.created_at) ELSE COALESCE(a.expires_at, a.created_at) END
        AS since,
    ARRAY['attempt:' || a.attempt_id] AS evidence
FROM attempts AS a
JOIN orders AS o
    ON o.merchant_id = a.merchant_id
    AND o.order_id = a.order_id
WHERE a.merchant_id = %(merchant_id)s::text
    AND a.state IN ('creating', 'open', 'pending', 'closing', 'in_doubt')
    AND (
        (a.state IN ('in_doubt', 'creating') AND COALESCE(a.sent_at, a.created_at) < %(in_doubt_before)s::timestamptz)
        OR (a.state = 'pending' AND a.created_at < %(pending_before)s::timestamptz)
        OR (
            a.state IN ('open', 'closing')
            AND COALESCE(a.expires_at, a.created_at) < %(overstayed_before)s::timestamptz
            -- Where the provider names no end, an order that is still open is closed by its own time.
            AND (a.expires_at IS NOT NULL OR a.state = 'closing')
        )
    )
ORDER BY a.created_at, a.attempt_id
LIMIT %(limit)s::integer;

-- name: stuck_orders
-- C19: orders that wait behind another one, or stay open, beyond their time; by the partial index over open ones.
SELECT replace(o.order_id::text, '-', '') AS about, o.order_id, NULL::text AS provider, o.amount_minor AS money_minor,
    o.currency, 'it is ' || o.state || ' since ' || COALESCE(o.opened_at, o.created_at) AS says,
    COALESCE(o.opened_at, o.created_at) AS since, ARRAY[]::text[] AS evidence
FROM orders AS o
WHERE o.merchant_id = %(merchant_id)s::text
    AND o.state IN ('open', 'waiting')
    AND (
        (o.state = 'waiting' AND o.created_at < %(waiting_before)s::timestamptz)
        OR (o.state = 'open' AND o.opened_at < %(open_before)s::timestamptz AND o.allocated_minor = 0)
    )
ORDER BY o.created_at, o.order_id
LIMIT %(limit)s::integer;

-- name: shared_payments
-- C18: orders that name one provider payment, also where the rows were imported and say so only in the attempt. It walks
-- the index of names from where it left off, and begins anew at the end.
SELECT max(walked.handle_ref) OVER () AS mark, (sum(walked.attempts) OVER ())::bigint AS walked, walked.provider,
    walked.account, walked.handle_ref, walked.attempts, walked.order_ids, walked.money_minor, walked.currency
FROM (
    SELECT a.provider, a.account, a.handle_ref, count(*) AS attempts,
        array_agg(DISTINCT a.order_id) AS order_ids, max(a.amount_minor) AS money_minor, min(a.currency) AS currency
    FROM (
        SELECT provider, account, handle_ref, order_id, amount_minor, currency
        FROM attempts
        WHERE merchant_id = %(merchant_id)s::text
            AND handle_ref IS NOT NULL
            AND provider = %(provider)s::text
            AND account = %(account)s::text
            -- The last name of a stretch is the first of the next one: its attempts may lie on both sides.
            AND handle_ref >= %(after)s::text
        ORDER BY handle_ref
        LIMIT %(most)s::integer
    ) AS a
    GROUP BY a.provider, a.account, a.handle_ref
) AS walked
ORDER BY walked.attempts DESC, walked.handle_ref
LIMIT %(limit)s::integer;

-- name: sharers
-- C18: who shares the payments that were found before.
SELECT a.provider, a.account, a.handle_ref, count(*) AS attempts, array_agg(DISTINCT a.order_id) AS order_ids,
    max(a.amount_minor) AS money_minor, min(a.currency) AS currency
FROM unnest(%(providers)s::text[], %(accounts)s::text[], %(refs)s::text[]) AS asked (provider, account, ref)
JOIN attempts AS a
    ON a.merchant_id = %(merchant_id)s::text
    AND a.provider = asked.provider
    AND a.account = asked.account
    AND a.handle_ref = asked.ref
GROUP BY a.provider, a.account, a.handle_ref
ORDER BY a.provider, a.account, a.handle_ref;

-- name: next_account_of_attempts
-- Which account with attempts comes next, by jumping along the index of names from one to the next.
SELECT provider, account
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND handle_ref IS NOT NULL
    AND (provider, account) > (%(provider)s::text, %(account)s::text)
ORDER BY provider, account
LIMIT 1;

-- name: stuck_effects
-- C19, L4, L5: effects that were due long ago, that are owed for too long, or whose worker died without a word.
SELECT replace(e.effect_id::text, '-', '') AS about, e.order_id, NULL::text AS provider, 0::bigint AS money_minor,
    NULL::text AS currency,
    e.kind || ' is ' || e.state || ' after ' || e.tries || ' tries' || COALESCE(': ' || e.reason, '') AS says,
    e.owed_at AS since, ARRAY['effect:' || e.effect_id] AS evidence
FROM effects AS e
WHERE e.merchant_id = %(merchant_id)s::text
    AND (
        (e.state IN ('pending', 'failed') AND e.due_at < %(due_before)s::timestamptz)
        OR (e.state = 'claimed' AND e.lease_until < %(due_before)s::timestamptz)
        OR (e.state IN ('pending', 'failed') AND e.owed_at < %(owed_before)s::timestamptz)
    )
ORDER BY e.owed_at, e.effect_id
LIMIT %(limit)s::integer;

-- name: stopped_effects
-- S20, L4: effects that wait for a person; each has its finding from where it stopped, unless its row came otherwise.
SELECT e.state || '_effect' AS kind, replace(e.effect_id::text, '-', '') AS about, e.order_id, NULL::text AS provider,
    0::bigint AS money_minor, NULL::text AS currency,
    e.kind || ' is ' || e.state || COALESCE(': ' || e.reason, '') AS says, e.owed_at AS since,
    ARRAY['effect:' || e.effect_id] AS evidence
FROM effects AS e
WHERE e.merchant_id = %(merchant_id)s::text
    AND e.state IN ('unknown', 'held', 'dead')
    AND NOT EXISTS (
        SELECT 1
        FROM findings AS f
        WHERE f.merchant_id = e.merchant_id
            AND f.fingerprint = e.state || '_effect:' || replace(e.effect_id::text, '-', '')
            AND f.resolved_at IS NULL
            AND f.found_by IS NULL
    )
ORDER BY e.owed_at, e.effect_id
LIMIT %(limit)s::integer;

-- name: repeated_effects
-- E13: effects that were accepted more often than anybody asked for, or are tried more than twice and not done. What a
-- receiver knows by our key (`resend`) counts once however often it hears.
SELECT replace(e.effect_id::text, '-', '') AS about, e.order_id, NULL::text AS provider, 0::bigint AS money_minor,
    NULL::text AS currency,
    e.kind || ' was accepted ' || heard.accepted || ' times in ' || e.tries || ' tries' AS says, e.owed_at AS since,
    ARRAY['effect:' || e.effect_id] AS evidence, heard.accepted
FROM effects AS e
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE d.outcome = 'accepted') AS accepted
    FROM deliveries AS d
    WHERE d.merchant_id = e.merchant_id
        AND d.effect_id = e.effect_id
) AS heard
WHERE e.merchant_id = %(merchant_id)s::text
    AND e.tries > 1
    AND e.effect_id >= %(from_id)s::uuid
    AND (
        (e.tries > %(usual_tries)s::integer AND e.state NOT IN ('done', 'suppressed'))
        OR (
            NOT e.kind = ANY(%(resent)s::text[])
            AND heard.accepted > 1 + (
                SELECT count(*)
                FROM audit AS a
                WHERE a.merchant_id = e.merchant_id
                    AND a.subject_id = e.effect_id
                    AND a.subject = 'effect'
                    AND a.event = 'retry'
                    AND a.source IN ('done', 'unknown')
            )
        )
    )
ORDER BY e.effect_id DESC
LIMIT %(limit)s::integer;

-- name: repeated_processing
-- E14: orders whose provider told the same again and again, in the last day.
SELECT replace(r.order_id::text, '-', '') AS about, r.order_id, count(*) AS repeats, max(r.at) AS since
FROM repeats AS r
WHERE r.merchant_id = %(merchant_id)s::text
    AND r.repeat_id >= %(from_id)s::uuid
    AND r.order_id IS NOT NULL
GROUP BY r.order_id
HAVING count(*) >= %(repeats)s::integer
ORDER BY count(*) DESC, r.order_id
LIMIT %(limit)s::integer;

-- name: repeats_of_order
-- E14: how often events of an order were told again, since when, and when last, for its story. Old ones are thinned.
SELECT count(*) AS repeats, min(at) AS first_at, max(at) AS last_at
FROM repeats
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = %(order_id)s::uuid;

-- name: insert_repeats
-- Counts that an event was told again after it was known (E14). Rows are only added, so that nobody waits for another.
INSERT INTO repeats (merchant_id, repeat_id, event_id, order_id, at)
SELECT %(merchant_id)s::text, repeat_id, event_id, order_id, %(now)s::timestamptz
FROM unnest(%(repeat_ids)s::uuid[], %(event_ids)s::uuid[], %(order_ids)s::uuid[]) AS new (repeat_id, event_id, order_id)
-- Its transaction is run again when the answer to its COMMIT was lost.
ON CONFLICT (merchant_id, repeat_id) DO NOTHING;

-- name: held_payouts
-- E12: what payees are owed and is held back, by payee and currency.
SELECT a.payee || ':' || a.currency AS about, NULL::uuid AS order_id, NULL::text AS provider,
    sum(a.amount_minor - a.reversed_minor)::bigint AS money_minor, a.currency,
    count(*) || ' shares of ' || a.payee || ' are held: ' || min(a.held_because) AS says, min(a.accrued_at) AS since,
    (array_agg('order:' || a.order_id ORDER BY a.accrued_at))[1:20] AS evidence
FROM accruals AS a
WHERE a.merchant_id = %(merchant_id)s::text
    AND a.state = 'held'
GROUP BY a.payee, a.currency
ORDER BY a.payee, a.currency
LIMIT %(limit)s::integer;
