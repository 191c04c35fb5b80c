-- What the HTTP edge remembers: which keys may call, which requests were answered, who called (as evidence, never as state).

-- name: find_key
-- Finds whom a key belongs to and what it may do. Only its hash is stored.
SELECT merchant_id, name, scopes
FROM api_keys
WHERE key_hash = %(key_hash)s::bytea
    AND revoked_at IS NULL;

-- name: insert_key
-- Stores a key's hash; the key itself is shown once and never stored. A rerun after a lost COMMIT changes nothing.
INSERT INTO api_keys (key_hash, merchant_id, name, scopes, created_at)
VALUES (
    %(key_hash)s::bytea, %(merchant_id)s::text, %(name)s::text, %(scopes)s::text[], %(now)s::timestamptz
)
ON CONFLICT (key_hash) DO NOTHING;

-- name: list_keys
-- Lists a merchant's keys, the revoked ones too, so that a person can see what was valid when.
SELECT name, scopes, created_at, revoked_at
FROM api_keys
WHERE merchant_id = %(merchant_id)s::text
ORDER BY created_at, name;

-- name: revoke_keys
-- Ends every key of that name at once; the rows stay, because they tell what was valid when.
UPDATE api_keys
SET revoked_at = %(now)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND name = %(name)s::text
    AND revoked_at IS NULL;

-- name: begin_request
-- Claims an idempotency key for one caller; says nothing where it was claimed before.
INSERT INTO api_requests (merchant_id, idempotency_key, fingerprint, route, state, lease_until, fence, created_at)
VALUES (
    %(merchant_id)s::text, %(key)s::text, %(fingerprint)s::bytea, %(route)s::text, %(state)s::text,
    %(lease_until)s::timestamptz, 1, %(now)s::timestamptz
)
ON CONFLICT (merchant_id, idempotency_key) DO NOTHING
RETURNING fence;

-- name: lock_request
-- Reads what is known of an idempotency key and holds the row, so that two callers do not both take over a dead one's.
SELECT fingerprint, state, lease_until, fence, status, answer
FROM api_requests
WHERE merchant_id = %(merchant_id)s::text
    AND idempotency_key = %(key)s::text
FOR UPDATE;

-- name: bind_requests
-- Binds idempotency keys to the bodies that they first came with, in one order everywhere, so that nobody who binds the
-- same keys waits in a circle.
INSERT INTO api_requests (merchant_id, idempotency_key, fingerprint, route, state, lease_until, fence, created_at)
SELECT
    %(merchant_id)s::text, n.key, n.fingerprint, n.route, 'done', %(now)s::timestamptz, 1, %(now)s::timestamptz
FROM unnest(%(keys)s::text[], %(fingerprints)s::bytea[], %(routes)s::text[]) AS n (key, fingerprint, route)
ORDER BY n.key
ON CONFLICT (merchant_id, idempotency_key) DO NOTHING;

-- name: read_requests
-- Reads which body each idempotency key was first sent with, where nothing else is asked of it.
SELECT idempotency_key, fingerprint
FROM api_requests
WHERE merchant_id = %(merchant_id)s::text
    AND idempotency_key = ANY(%(keys)s::text[]);

-- name: take_over_request
-- Gives a request whose caller died to the next one; the old fence can no longer finish it.
UPDATE api_requests
SET fence = %(fence)s::integer,
    lease_until = %(lease_until)s::timestamptz
WHERE merchant_id = %(merchant_id)s::text
    AND idempotency_key = %(key)s::text;

-- name: touch_request
-- Writes that an answer was given again: "done already" is said only after a COMMIT that wrote something.
UPDATE api_requests
SET fence = fence + 1
WHERE merchant_id = %(merchant_id)s::text
    AND idempotency_key = %(key)s::text;

-- name: finish_request
-- Keeps the answer of a request, while it is still this caller's.
UPDATE api_requests
SET state = 'done',
    status = %(status)s::integer,
    answer = %(answer)s::bytea,
    order_id = %(order_id)s::uuid
WHERE merchant_id = %(merchant_id)s::text
    AND idempotency_key = %(key)s::text
    AND fence = %(fence)s::integer
    AND state = 'running';

-- name: forget_request
-- Frees the key of a request that was refused or failed, so that the same key may be sent again.
DELETE FROM api_requests
WHERE merchant_id = %(merchant_id)s::text
    AND idempotency_key = %(key)s::text
    AND fence = %(fence)s::integer
    AND state = 'running';

-- name: insert_evidence
-- Keeps who called what, many rows at once; a batch that is written again after a lost COMMIT changes nothing.
INSERT INTO evidence (merchant_id, evidence_id, order_id, at, call, address, user_agent, referer, answer)
SELECT %(merchant_id)s::text, e.evidence_id, e.order_id, e.at, e.call, e.address, e.user_agent, e.referer, e.answer
FROM unnest(
    %(evidence_ids)s::uuid[], %(order_ids)s::uuid[], %(ats)s::timestamptz[], %(calls)s::text[], %(addresses)s::text[],
    %(user_agents)s::text[], %(referers)s::text[], %(answers)s::integer[]
) AS e (evidence_id, order_id, at, call, address, user_agent, referer, answer)
ON CONFLICT (merchant_id, evidence_id) DO NOTHING;

-- name: newer_orders
-- Finds the page of orders just before one (`ending_before`), the nearest first; the caller turns it round.
SELECT order_id
FROM orders
WHERE merchant_id = %(merchant_id)s::text
    AND (%(state)s::text IS NULL OR state = %(state)s::text)
    AND (%(payer_reference)s::text IS NULL OR payer_reference = %(payer_reference)s::text)
    AND order_id > %(after)s::uuid
ORDER BY order_id
LIMIT %(limit)s::integer;
