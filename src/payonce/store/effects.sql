-- Effects: what is owed to the outside, and every try at it. They are inserted by the transaction that settles (books.sql).
--
-- A worker takes effects in one transaction: it locks some that are due, looks at their orders and money, and writes the
-- claims. SKIP LOCKED only spares workers from waiting for each other; without it they wait, and find the rows taken.
-- After the COMMIT it calls out, and records each answer in a transaction of its own. What is written to the same database
-- is taken, written and marked as done in a single transaction where that is quick.

-- name: lock_due_effects
-- Takes up effects that are due, oldest first, of the kinds that this worker can deliver; fresh ones were never tried.
SELECT effect_id, key, kind, occasion, nature, order_id, state, reason, tries, fence, due_at, lease_until, owed_at,
    done_at, happened_at, run_id, caused_by
FROM effects
WHERE merchant_id = %(merchant_id)s::text
    AND state IN ('pending', 'failed')
    AND due_at <= %(now)s::timestamptz
    AND kind = ANY(%(kinds)s::text[])
    AND (NOT %(is_fresh)s::boolean OR tries = 0)
ORDER BY due_at, effect_id
LIMIT %(limit)s::integer
FOR UPDATE SKIP LOCKED;

-- name: hold_briefly
-- Lets the server end the transaction where it waits: for a lock (sooner than it looks for deadlocks, so that others go
-- on), for a statement, for whoever began it.
SELECT set_config('lock_timeout', '250ms', true), set_config('statement_timeout', '1s', true),
    set_config('idle_in_transaction_session_timeout', '1s', true);

-- name: look_for_due_effects
-- Shows effects that are due, for a look without any effect.
SELECT effect_id, kind, nature, order_id
FROM effects
WHERE merchant_id = %(merchant_id)s::text
    AND state IN ('pending', 'failed')
    AND due_at <= %(now)s::timestamptz
ORDER BY due_at, effect_id
LIMIT %(limit)s::integer;

-- name: look_for_work
-- Says whether there is anything to claim or to decide about; most looks end here, in one round trip.
SELECT
    EXISTS (
        SELECT 1
        FROM effects
        WHERE merchant_id = %(merchant_id)s::text
            AND state IN ('pending', 'failed')
            AND due_at <= %(now)s::timestamptz
            AND kind = ANY(%(claimed)s::text[])
    ) AS has_due,
    EXISTS (
        SELECT 1
        FROM effects
        WHERE merchant_id = %(merchant_id)s::text
            AND state = 'claimed'
            AND lease_until <= %(now)s::timestamptz
            AND (kind = ANY(%(known)s::text[]) OR lease_until <= %(orphaned)s::timestamptz)
    ) AS has_expired;

-- name: lock_expired_effects
-- Takes up claims whose worker died, or never said how it ended; those of kinds unknown here only after a long grace.
SELECT effect_id, key, kind, occasion, nature, order_id, state, reason, tries, fence, due_at, lease_until, owed_at,
    done_at, happened_at, run_id, caused_by
FROM effects
WHERE merchant_id = %(merchant_id)s::text
    AND state = 'claimed'
    AND lease_until <= %(now)s::timestamptz
    AND (kind = ANY(%(kinds)s::text[]) OR lease_until <= %(orphaned)s::timestamptz)
ORDER BY lease_until, effect_id
LIMIT %(limit)s::integer
FOR UPDATE SKIP LOCKED;

-- name: lock_effects
-- Holds effects until COMMIT, so that an answer, a person and another worker queue up.
SELECT effect_id, key, kind, occasion, nature, order_id, state, reason, tries, fence, due_at, lease_until, owed_at,
    done_at, happened_at, run_id, caused_by
FROM effects
WHERE merchant_id = %(merchant_id)s::text
    AND effect_id = ANY(%(effect_ids)s::uuid[])
ORDER BY effect_id
FOR UPDATE;

-- name: hold_orders_of_effects
-- Keeps the orders from changing while their effects are claimed: what is refunded before is seen, the rest comes after.
-- An order that is being settled at this moment is left for the next round, so that nothing here ever waits for one.
SELECT order_id, state
FROM orders
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY order_id
FOR SHARE SKIP LOCKED;

-- name: money_of_orders
-- Reads what came in for orders and what of it went back, by which a fulfilment is claimed or held.
SELECT c.order_id, c.captured_minor, c.allocated_minor, COALESCE(sum(r.returned_minor), 0)::bigint AS returned_minor,
    max(r.first_seen_at) AS returned_at,
    COALESCE(sum(r.returned_minor) FILTER (WHERE own.serves = 'order'), 0)::bigint AS returned_of_order_minor
FROM captures AS c
LEFT JOIN returns AS r
    ON r.merchant_id = c.merchant_id
    AND r.order_id = c.order_id
    AND r.provider = c.provider
    AND r.account = c.account
    AND r.capture_kind = c.kind
    AND r.capture_ref = c.ref
    AND r.returned_minor > 0
LEFT JOIN refunds AS own
    ON own.merchant_id = r.merchant_id
    AND own.refund_id = r.refund_id
WHERE c.merchant_id = %(merchant_id)s::text
    AND c.order_id = ANY(%(order_ids)s::uuid[])
GROUP BY c.order_id, c.provider, c.account, c.kind, c.ref, c.captured_minor, c.allocated_minor
ORDER BY c.order_id;

-- name: asked_again
-- Reads when a person last asked for effects again, because that overrules the horizon and, from held, the money.
SELECT subject_id AS effect_id, max(at) AS asked_again_at, max(at) FILTER (WHERE source = 'held') AS insisted_at,
    count(*) FILTER (WHERE source = 'done') AS repeats
FROM audit
WHERE merchant_id = %(merchant_id)s::text
    AND subject_id = ANY(%(effect_ids)s::uuid[])
    AND subject = 'effect'
    AND event = 'retry'
GROUP BY subject_id
ORDER BY subject_id;

-- name: update_effects
-- Writes effects as they were decided, unless somebody else has claimed them since they were read.
UPDATE effects AS e
SET state = new.state,
    reason = new.reason,
    tries = new.tries,
    fence = new.fence,
    due_at = new.due_at,
    lease_until = new.lease_until,
    done_at = new.done_at
FROM unnest(
    %(effect_ids)s::uuid[], %(states)s::text[], %(reasons)s::text[], %(tries)s::integer[], %(fences)s::integer[],
    %(due)s::timestamptz[], %(leases)s::timestamptz[], %(done)s::timestamptz[]
) AS new (effect_id, state, reason, tries, fence, due_at, lease_until, done_at)
WHERE e.merchant_id = %(merchant_id)s::text
    AND e.effect_id = new.effect_id
    AND e.fence <= new.fence;

-- name: begin_deliveries
-- Notes that tries begin, before anything is called; one row per try, so a second claim of the same try fails here.
INSERT INTO deliveries (merchant_id, effect_id, try_number, fence, began_at, outcome)
SELECT %(merchant_id)s::text, effect_id, try_number, fence, %(now)s::timestamptz, 'begun'
FROM unnest(%(effect_ids)s::uuid[], %(tries)s::integer[], %(fences)s::integer[]) AS new (effect_id, try_number, fence);

-- name: note_deliveries
-- Notes tries that began and ended in one transaction.
INSERT INTO deliveries (merchant_id, effect_id, try_number, fence, began_at, ended_at, outcome, answer)
SELECT %(merchant_id)s::text, effect_id, try_number, fence, %(now)s::timestamptz, %(now)s::timestamptz, outcome, answer
FROM unnest(%(effect_ids)s::uuid[], %(tries)s::integer[], %(fences)s::integer[], %(outcomes)s::text[], %(answers)s::text[])
    AS new (effect_id, try_number, fence, outcome, answer);

-- name: end_deliveries
-- Notes how tries ended.
UPDATE deliveries AS d
SET outcome = new.outcome,
    answer = new.answer,
    ended_at = %(now)s::timestamptz
FROM unnest(%(effect_ids)s::uuid[], %(tries)s::integer[], %(outcomes)s::text[], %(answers)s::text[])
    AS new (effect_id, try_number, outcome, answer)
WHERE d.merchant_id = %(merchant_id)s::text
    AND d.effect_id = new.effect_id
    AND d.try_number = new.try_number;

-- name: tries_of_effects
-- Reads every try at effects, to see what is recorded already and how often they were accepted.
SELECT effect_id, try_number, fence, outcome, began_at, ended_at, answer
FROM deliveries
WHERE merchant_id = %(merchant_id)s::text
    AND effect_id = ANY(%(effect_ids)s::uuid[])
ORDER BY effect_id, try_number;

-- name: effects_of_orders
-- Reads the effects of some kinds of orders: what reversals may have to undo, and the other reversals of it. They need no
-- lock: who claims one of them looks at its order's money first, and the order is held by whoever asks.
SELECT effect_id, key, kind, occasion, nature, order_id, state, reason, tries, fence, due_at, lease_until, owed_at,
    done_at, happened_at, run_id, caused_by
FROM effects
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
    AND kind = ANY(%(kinds)s::text[])
ORDER BY effect_id;

-- name: tries_of_orders
-- Reads every try at the effects that `effects_of_orders` reads.
SELECT d.effect_id, d.try_number, d.outcome, d.ended_at, d.answer
FROM effects AS e
JOIN deliveries AS d
    ON d.merchant_id = e.merchant_id
    AND d.effect_id = e.effect_id
WHERE e.merchant_id = %(merchant_id)s::text
    AND e.order_id = ANY(%(order_ids)s::uuid[])
    AND e.kind = ANY(%(kinds)s::text[])
ORDER BY d.effect_id, d.try_number;

-- name: renew_claim
-- Prolongs a claim whose turn comes late. No row: it was lost meanwhile, and nothing may be called.
UPDATE effects
SET lease_until = %(lease_until)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND effect_id = %(effect_id)s::uuid
    AND state = 'claimed'
    AND fence = %(fence)s::integer
RETURNING effect_id;

-- name: was_recorded
-- Finds out, after a COMMIT whose answer was lost, whether it was done: a move of an effect is noted under an id of its own.
SELECT subject_id, at
FROM audit
WHERE merchant_id = %(merchant_id)s::text
    AND audit_id = %(audit_id)s::uuid;

-- name: list_effects
-- Shows effects to people and programs, the newest first, from behind a given one on.
SELECT effect_id, key, kind, occasion, nature, order_id, state, reason, tries, fence, due_at, lease_until, owed_at,
    done_at, happened_at, run_id, caused_by
FROM effects
WHERE merchant_id = %(merchant_id)s::text
    AND (%(state)s::text IS NULL OR state = %(state)s::text)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s::text)
    AND (%(order_id)s::uuid IS NULL OR order_id = %(order_id)s::uuid)
    AND (%(before)s::uuid IS NULL OR effect_id < %(before)s::uuid)
ORDER BY effect_id DESC
LIMIT %(limit)s::integer;

-- name: read_effect
-- Shows one effect.
SELECT effect_id, key, kind, occasion, nature, order_id, state, reason, tries, fence, due_at, lease_until, owed_at,
    done_at, happened_at, run_id, caused_by
FROM effects
WHERE merchant_id = %(merchant_id)s::text
    AND effect_id = %(effect_id)s::uuid;

-- name: unfinished_effects
-- Counts what is owed and not done, for metrics. What is done is not counted here: it grows for ever. In three parts, because
-- each has an index of its own.
SELECT kind, state, count(*) AS effects, min(owed_at) AS oldest_owed_at
FROM (
    SELECT kind, state, owed_at
    FROM effects
    WHERE merchant_id = %(merchant_id)s::text
        AND state IN ('pending', 'failed')
    UNION ALL
    SELECT kind, state, owed_at
    FROM effects
    WHERE merchant_id = %(merchant_id)s::text
        AND state = 'claimed'
    UNION ALL
    SELECT kind, state, owed_at
    FROM effects
    WHERE merchant_id = %(merchant_id)s::text
        AND state IN ('unknown', 'held', 'dead')
) AS unfinished
GROUP BY kind, state
ORDER BY kind, state;

-- name: recipient_of_order
-- Finds whom a mail about an order goes to.
SELECT email, name
FROM payers
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = %(order_id)s::uuid;
