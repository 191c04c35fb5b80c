-- name: resolve_refs
-- Finds which attempt each reference of a provider serves, and its purpose, before anything is locked.
SELECT r.provider, r.account, r.kind, r.ref, r.attempt_id, r.order_id, o.purpose
FROM unnest(%(providers)s::text[], %(accounts)s::text[], %(kinds)s::text[], %(refs)s::text[])
    AS asked (provider, account, kind, ref)
JOIN provider_refs AS r
    ON r.merchant_id = %(merchant_id)s::text
    AND r.provider = asked.provider
    AND r.account = asked.account
    AND r.kind = asked.kind
    AND r.ref = asked.ref
JOIN orders AS o
    ON o.merchant_id = r.merchant_id
    AND o.order_id = r.order_id;

-- name: resolve_attempts
-- Finds the purposes of attempts that are named by their own id, as a provider carries it back.
SELECT attempt_id, order_id, purpose
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND attempt_id = ANY(%(attempt_ids)s::uuid[]);

-- name: purposes_of_orders
-- Finds the purposes that orders belong to, before their books are loaded under lock.
SELECT order_id, purpose
FROM orders
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY order_id;

-- name: lock_attempts
-- Locks the attempts of locked orders, by order and number.
SELECT attempt_id, order_id, purpose, number, provider, account, flow, state, amount_minor, currency, fence, lease_until,
    handle_kind, handle_ref, url, client_secret, expires_at, disclosed_at, consent_at, close_because, decline,
    needs_action, created_at, opened_at, sent_at, asked_at, instructions, version, seen_at, closing_since
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY order_id, number
FOR UPDATE;

-- name: read_attempts
-- The same without a lock, for whoever holds their orders and waits for nobody: who changes an attempt holds its order.
SELECT attempt_id, order_id, purpose, number, provider, account, flow, state, amount_minor, currency, fence, lease_until,
    handle_kind, handle_ref, url, client_secret, expires_at, disclosed_at, consent_at, close_because, decline,
    needs_action, created_at, opened_at, sent_at, asked_at, instructions, version, seen_at, closing_since
FROM attempts
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY order_id, number;

-- name: load_captures
-- Loads what came in for locked orders, and what of it serves them.
SELECT provider, account, kind, ref, attempt_id, order_id, currency, captured_minor, allocated_minor, surplus_minor,
    is_confirmed, captured_at, paid_in_asset, paid_in_amount::text AS paid_in_amount, paid_in_rule
FROM captures
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY captured_at, ref;

-- name: load_returns
-- Loads the refunds and disputes of locked orders.
SELECT nature, provider, account, kind, ref, capture_kind, capture_ref, attempt_id, order_id, status, amount_minor,
    currency, returned_minor, refund_id
FROM returns
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY first_seen_at, ref;

-- name: load_refunds
-- Loads our own refunds of locked orders, the oldest first.
SELECT refund_id, order_id, attempt_id, provider, account, capture_kind, capture_ref, serves, state, amount_minor,
    currency, reason, asked_by, staged_minor, ref_kind, ref, fence, lease_until, due_at, created_at, sent_at, asked_at,
    ended_at, decline, version
FROM refunds
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[])
ORDER BY refund_id;

-- name: load_refs
-- Loads which references the attempts of locked orders own.
SELECT provider, account, kind, ref, attempt_id, order_id
FROM provider_refs
WHERE merchant_id = %(merchant_id)s::text
    AND order_id = ANY(%(order_ids)s::uuid[]);

-- name: insert_refs
-- Notes which attempt a provider's object serves; the primary key says that it serves no other.
INSERT INTO provider_refs (merchant_id, provider, account, kind, ref, attempt_id, order_id)
SELECT %(merchant_id)s::text, provider, account, kind, ref, attempt_id, order_id
FROM unnest(
    %(providers)s::text[], %(accounts)s::text[], %(kinds)s::text[], %(refs)s::text[], %(attempt_ids)s::uuid[],
    %(order_ids)s::uuid[]
) AS new (provider, account, kind, ref, attempt_id, order_id)
ORDER BY provider, account, kind, ref;

-- name: upsert_captures
-- Writes what came in through a reference and what it serves; money received never falls.
INSERT INTO captures (
    merchant_id, provider, account, kind, ref, attempt_id, order_id, currency, captured_minor, allocated_minor,
    surplus_minor, is_confirmed, captured_at, refunds_minor, paid_in_asset, paid_in_amount, paid_in_rule
)
SELECT %(merchant_id)s::text, provider, account, kind, ref, attempt_id, order_id, currency, captured_minor,
    allocated_minor, surplus_minor, is_confirmed, %(now)s::timestamptz, refunds_minor, paid_in_asset,
    paid_in_amount::numeric, paid_in_rule
FROM unnest(
    %(providers)s::text[], %(accounts)s::text[], %(kinds)s::text[], %(refs)s::text[], %(attempt_ids)s::uuid[],
    %(order_ids)s::uuid[], %(currencies)s::text[], %(captured)s::bigint[], %(allocated)s::bigint[],
    %(surplus)s::bigint[], %(confirmed)s::boolean[], %(refunds)s::bigint[], %(paid_in_assets)s::text[],
    %(paid_in_amounts)s::text[], %(paid_in_rules)s::text[]
) AS new (
    provider, account, kind, ref, attempt_id, order_id, currency, captured_minor, allocated_minor, surplus_minor,
    is_confirmed, refunds_minor, paid_in_asset, paid_in_amount, paid_in_rule
)
ON CONFLICT (merchant_id, provider, account, kind, ref) DO UPDATE
SET captured_minor = GREATEST(captures.captured_minor, excluded.captured_minor),
    allocated_minor = excluded.allocated_minor,
    surplus_minor = excluded.surplus_minor,
    is_confirmed = excluded.is_confirmed,
    refunds_minor = excluded.refunds_minor,
    paid_in_asset = excluded.paid_in_asset,
    paid_in_amount = excluded.paid_in_amount,
    paid_in_rule = excluded.paid_in_rule;

-- name: update_orders
-- Writes the new state and amounts of locked orders.
UPDATE orders AS o
SET state = new.state,
    received_minor = new.received_minor,
    allocated_minor = new.allocated_minor,
    refunded_minor = new.refunded_minor,
    disputed_minor = new.disputed_minor,
    opened_at = new.opened_at,
    paid_at = new.paid_at,
    closed_at = new.closed_at,
    closed_reason = new.closed_reason,
    close_because = new.close_because,
    released_at = new.released_at,
    version = new.version
FROM unnest(
    %(order_ids)s::uuid[], %(states)s::text[], %(received)s::bigint[], %(allocated)s::bigint[], %(refunded)s::bigint[],
    %(disputed)s::bigint[], %(opened)s::timestamptz[], %(paid)s::timestamptz[], %(closed)s::timestamptz[],
    %(closed_reasons)s::text[], %(close_because)s::text[], %(released)s::timestamptz[], %(versions)s::integer[]
) AS new (
    order_id, state, received_minor, allocated_minor, refunded_minor, disputed_minor, opened_at, paid_at, closed_at,
    closed_reason, close_because, released_at, version
)
WHERE o.merchant_id = %(merchant_id)s::text
    AND o.order_id = new.order_id;

-- name: update_attempts
-- Writes the new state of locked attempts, with handle, lease and what must follow.
UPDATE attempts AS a
SET state = new.state,
    fence = new.fence,
    lease_until = new.lease_until,
    handle_kind = new.handle_kind,
    handle_ref = new.handle_ref,
    url = new.url,
    client_secret = new.client_secret,
    expires_at = new.expires_at,
    disclosed_at = new.disclosed_at,
    consent_at = new.consent_at,
    close_because = new.close_because,
    decline = new.decline,
    needs_action = new.needs_action,
    opened_at = new.opened_at,
    sent_at = new.sent_at,
    asked_at = new.asked_at,
    instructions = new.instructions::jsonb,
    version = new.version,
    seen_at = new.seen_at,
    closing_since = new.closing_since
FROM unnest(
    %(attempt_ids)s::uuid[], %(states)s::text[], %(fences)s::integer[], %(leases)s::timestamptz[],
    %(handle_kinds)s::text[], %(handle_refs)s::text[], %(urls)s::text[], %(secrets)s::text[], %(expires)s::timestamptz[],
    %(disclosed)s::timestamptz[], %(consents)s::timestamptz[], %(close_because)s::text[], %(declines)s::text[],
    %(needs_action)s::boolean[], %(opened)s::timestamptz[], %(sent)s::timestamptz[], %(asked)s::timestamptz[],
    %(instructions)s::text[], %(versions)s::integer[], %(seen)s::timestamptz[],
    %(closing)s::timestamptz[]
) AS new (
    attempt_id, state, fence, lease_until, handle_kind, handle_ref, url, client_secret, expires_at, disclosed_at,
    consent_at, close_because, decline, needs_action, opened_at, sent_at, asked_at, instructions, version, seen_at,
    closing_since
)
WHERE a.merchant_id = %(merchant_id)s::text
    AND a.attempt_id = new.attempt_id;

-- name: insert_settlements
-- Records that orders were paid, once for ever.
INSERT INTO settlements (
    merchant_id, order_id, attempt_id, provider, account, kind, ref, amount_minor, currency, settled_at
)
SELECT %(merchant_id)s::text, order_id, attempt_id, provider, account, kind, ref, amount_minor, currency,
    %(now)s::timestamptz
FROM unnest(
    %(order_ids)s::uuid[], %(attempt_ids)s::uuid[], %(providers)s::text[], %(accounts)s::text[], %(kinds)s::text[],
    %(refs)s::text[], %(amounts)s::bigint[], %(currencies)s::text[]
) AS new (order_id, attempt_id, provider, account, kind, ref, amount_minor, currency);

-- name: insert_entries
-- Adds ledger records, each unique by its cause.
INSERT INTO entries (merchant_id, entry_id, cause, order_id, currency, posted_at)
SELECT %(merchant_id)s::text, entry_id, cause, order_id, currency, %(now)s::timestamptz
FROM unnest(%(entry_ids)s::uuid[], %(causes)s::text[], %(order_ids)s::uuid[], %(currencies)s::text[])
    AS new (entry_id, cause, order_id, currency);

-- name: insert_postings
-- Adds the lines of the ledger records.
INSERT INTO postings (merchant_id, entry_id, line, account, amount_minor)
SELECT %(merchant_id)s::text, entry_id, line, account, amount_minor
FROM unnest(%(entry_ids)s::uuid[], %(lines)s::smallint[], %(accounts)s::text[], %(amounts)s::bigint[])
    AS new (entry_id, line, account, amount_minor);

-- name: upsert_returns
-- Writes refunds and disputes as they are known now.
INSERT INTO returns (
    merchant_id, provider, account, kind, ref, nature, capture_kind, capture_ref, attempt_id, order_id, status,
    amount_minor, returned_minor, currency, refund_id, first_seen_at
)
SELECT %(merchant_id)s::text, provider, account, kind, ref, nature, capture_kind, capture_ref, attempt_id, order_id,
    status, amount_minor, returned_minor, currency, refund_id, %(now)s::timestamptz
FROM unnest(
    %(providers)s::text[], %(accounts)s::text[], %(kinds)s::text[], %(refs)s::text[], %(natures)s::text[],
    %(capture_kinds)s::text[], %(capture_refs)s::text[], %(attempt_ids)s::uuid[], %(order_ids)s::uuid[],
    %(statuses)s::text[], %(amounts)s::bigint[], %(returned)s::bigint[], %(currencies)s::text[],
    %(refund_ids)s::uuid[]
) AS new (
    provider, account, kind, ref, nature, capture_kind, capture_ref, attempt_id, order_id, status, amount_minor,
    returned_minor, currency, refund_id
)
ON CONFLICT (merchant_id, provider, account, kind, ref) DO UPDATE
SET status = excluded.status,
    amount_minor = excluded.amount_minor,
    returned_minor = excluded.returned_minor,
    refund_id = excluded.refund_id;

-- name: insert_refunds
-- Writes new refunds of ours; each comes before its call.
INSERT INTO refunds (
    merchant_id, refund_id, order_id, attempt_id, provider, account, capture_kind, capture_ref, serves, state,
    amount_minor, currency, reason, asked_by, staged_minor, due_at, ended_at, decline, created_at, version
)
SELECT %(merchant_id)s::text, refund_id, order_id, attempt_id, provider, account, capture_kind, capture_ref, serves,
    state, amount_minor, currency, reason, asked_by, staged_minor, due_at, ended_at, decline, %(now)s::timestamptz,
    version
FROM unnest(
    %(refund_ids)s::uuid[], %(order_ids)s::uuid[], %(attempt_ids)s::uuid[], %(providers)s::text[], %(accounts)s::text[],
    %(kinds)s::text[], %(refs)s::text[], %(serves)s::text[], %(states)s::text[], %(amounts)s::bigint[],
    %(currencies)s::text[], %(reasons)s::text[], %(asked_by)s::text[], %(staged)s::bigint[], %(due)s::timestamptz[],
    %(ended)s::timestamptz[], %(declines)s::text[], %(versions)s::integer[]
) AS new (
    refund_id, order_id, attempt_id, provider, account, capture_kind, capture_ref, serves, state, amount_minor, currency,
    reason, asked_by, staged_minor, due_at, ended_at, decline, version
)
ORDER BY refund_id;

-- name: update_refunds
-- Writes our refunds as they stand now; what was asked for never changes.
UPDATE refunds AS r
SET state = new.state,
    asked_by = new.asked_by,
    staged_minor = new.staged_minor,
    ref_kind = new.ref_kind,
    ref = new.ref,
    fence = new.fence,
    lease_until = new.lease_until,
    due_at = new.due_at,
    sent_at = new.sent_at,
    asked_at = new.asked_at,
    ended_at = new.ended_at,
    decline = new.decline,
    version = new.version
FROM unnest(
    %(refund_ids)s::uuid[], %(states)s::text[], %(asked_by)s::text[], %(staged)s::bigint[], %(ref_kinds)s::text[],
    %(refs)s::text[], %(fences)s::integer[], %(leases)s::timestamptz[], %(due)s::timestamptz[], %(sent)s::timestamptz[],
    %(asked)s::timestamptz[], %(ended)s::timestamptz[], %(declines)s::text[], %(versions)s::integer[]
) AS new (
    refund_id, state, asked_by, staged_minor, ref_kind, ref, fence, lease_until, due_at, sent_at, asked_at, ended_at,
    decline, version
)
WHERE r.merchant_id = %(merchant_id)s::text
    AND r.refund_id = new.refund_id;

-- name: insert_effects
-- Owes effects; a key that is known already is owed already.
INSERT INTO effects (
    merchant_id, effect_id, key, kind, occasion, nature, order_id, state, reason, due_at, owed_at, happened_at, run_id,
    caused_by
)
SELECT %(merchant_id)s::text, effect_id, key, kind, occasion, nature, order_id,
    CASE WHEN silent IS NULL THEN 'pending' ELSE 'suppressed' END, silent,
    CASE WHEN silent IS NULL THEN %(now)s::timestamptz END, %(now)s::timestamptz, happened_at, %(run_id)s::uuid, caused_by
FROM unnest(
    %(effect_ids)s::uuid[], %(keys)s::text[], %(kinds)s::text[], %(occasions)s::text[], %(natures)s::text[],
    %(order_ids)s::uuid[], %(silent)s::text[], %(happened)s::timestamptz[], %(caused_by)s::text[]
) AS new (effect_id, key, kind, occasion, nature, order_id, silent, happened_at, caused_by)
ORDER BY key
ON CONFLICT (merchant_id, key) DO NOTHING;

-- name: audit_of_silence
-- Notes of effects that were owed and suppressed at once how that came; one whose key was known has no row of this id.
INSERT INTO audit (merchant_id, audit_id, at, actor, subject, subject_id, source, event, target, cause, run_id)
SELECT %(merchant_id)s::text, new.audit_id, %(now)s::timestamptz, %(actor)s::text, 'effect', new.effect_id, 'pending',
    'suppress', 'suppressed', new.silent, %(run_id)s::uuid
FROM unnest(%(audit_ids)s::uuid[], %(effect_ids)s::uuid[], %(silent)s::text[]) AS new (audit_id, effect_id, silent)
JOIN effects AS e
    ON e.merchant_id = %(merchant_id)s::text
    AND e.effect_id = new.effect_id;

-- name: insert_audit_of_run
-- Notes every move along an arrow that a run of a job made, with the run (A20).
INSERT INTO audit (merchant_id, audit_id, at, actor, subject, subject_id, source, event, target, cause, run_id)
SELECT %(merchant_id)s::text, audit_id, %(now)s::timestamptz, %(actor)s::text, subject, subject_id, source, event, target,
    cause, %(run_id)s::uuid
FROM unnest(
    %(audit_ids)s::uuid[], %(subjects)s::text[], %(subject_ids)s::uuid[], %(sources)s::text[], %(events)s::text[],
    %(targets)s::text[], %(causes)s::text[]
) AS new (audit_id, subject, subject_id, source, event, target, cause);

-- name: insert_audit
-- Notes every move along an arrow.
INSERT INTO audit (merchant_id, audit_id, at, actor, subject, subject_id, source, event, target, cause)
SELECT %(merchant_id)s::text, audit_id, %(now)s::timestamptz, %(actor)s::text, subject, subject_id, source, event, target,
    cause
FROM unnest(
    %(audit_ids)s::uuid[], %(subjects)s::text[], %(subject_ids)s::uuid[], %(sources)s::text[], %(events)s::text[],
    %(targets)s::text[], %(causes)s::text[]
) AS new (audit_id, subject, subject_id, source, event, target, cause);
