-- The comparison of a day (store/reconcile.sql) over files, for DuckDB and for any engine that reads Parquet: one join finds
-- what is not plainly the same, and only that is looked at closely. It stands on these tables:
--   ours     what we hold: `what` is capture, return, reference or attempt; money that went back is below zero
--   theirs   the provider's records about an object
--   days     the days that are compared: day, from_at, to_at
--   span     one row: first_day, last_day, from_at, to_at, and read_from, read_until, now

-- name: stamp
-- Tells whose extract it is, what a day is there, and when it was written.
SELECT object_kind AS provider, object_ref AS account, minor AS hours_ahead,
    CAST(seen_at AS TIMESTAMP) AS now
FROM ours
WHERE what = 'extract';

-- name: days_there
-- Tells which days the provider's file has.
SELECT min(day) AS first_day, max(day) AS last_day
FROM theirs;

-- name: marked
-- Tells what of ours is expected at the provider: what a person sent by other means, or said, is none of the provider's.
SELECT what, object_kind, object_ref, nature, minor, currency, status, seen_at, moved_at, order_id, attempt_id,
    nature = 'charge' OR (minor < 0 AND object_kind NOT IN ('by_hand', 'by_word')) AS is_expected
FROM ours;

-- name: held
-- Takes what of ours is money.
SELECT object_kind, object_ref, minor, currency, seen_at, is_expected
FROM marked
WHERE what IN ('capture', 'return');

-- name: unlike
-- Finds the objects that are not plainly the same: all but those with the same amount on both sides.
SELECT COALESCE(t.object_kind, o.object_kind) AS object_kind, COALESCE(t.object_ref, o.object_ref) AS object_ref
FROM theirs AS t
FULL JOIN held AS o
    ON o.object_kind = t.object_kind
    AND o.object_ref = t.object_ref
WHERE (
        t.day >= (SELECT first_day FROM span)
        AND t.day <= (SELECT last_day FROM span)
        AND (o.object_ref IS NULL OR o.minor <> t.minor OR o.currency <> t.currency)
    )
    OR (
        t.object_ref IS NULL
        AND o.is_expected
        AND o.seen_at >= (SELECT from_at FROM span)
        AND o.seen_at < (SELECT to_at FROM span)
    );

-- name: repeated
-- Finds what stands more than once in their records, by a number instead of the name, which takes a tenth of the memory.
-- Two names with the same number are looked at closely as well, and match.
SELECT hash(object_kind, object_ref) AS number
FROM theirs
GROUP BY hash(object_kind, object_ref)
HAVING count(*) > 1;

-- name: looked_at
-- Numbers what is looked at closely, so that each side is read once for it.
SELECT number
FROM repeated
UNION
SELECT hash(object_kind, object_ref)
FROM unlike;

-- name: their_records
-- Takes their records of these objects, of all days, because a refund can fail on another day than it was made on.
SELECT object_kind, object_ref, nature, currency, minor, occurred_at, day, attempt_id, capture_kind, capture_ref
FROM theirs
WHERE hash(object_kind, object_ref) IN (SELECT number FROM looked_at);

-- name: suspects
-- Names them, with what has the same number as one of them.
SELECT object_kind, object_ref
FROM unlike
UNION
SELECT object_kind, object_ref
FROM their_records;

-- name: record_attempts
-- Lists how these records name attempts of ours; `named` then holds the id of each that is one: name, attempt_id.
SELECT DISTINCT attempt_id AS attempt_name
FROM their_records
WHERE attempt_id IS NOT NULL;

-- name: wanted_names
-- Gathers the names by which an attempt of ours may be known.
SELECT object_kind AS kind, object_ref AS ref
FROM suspects
UNION
SELECT capture_kind, capture_ref
FROM their_records
WHERE capture_ref IS NOT NULL;

-- name: our_rows
-- Takes all that we have by these names, or of an attempt that they name. To read so many columns takes far longer than
-- to look for a few rows, so that it is done once.
SELECT what, object_kind, object_ref, nature, minor, currency, status, seen_at, moved_at, order_id, attempt_id, is_expected
FROM marked
WHERE hash(object_kind, object_ref) IN (SELECT hash(kind, ref) FROM wanted_names)
    OR attempt_id IN (SELECT attempt_id FROM named);

-- name: our_money
-- Takes what we hold of these objects.
SELECT r.object_kind, r.object_ref, r.nature, r.minor, r.currency, r.status, r.seen_at, r.moved_at, r.order_id,
    r.attempt_id, r.is_expected
FROM our_rows AS r
JOIN suspects AS s
    ON s.object_kind = r.object_kind
    AND s.object_ref = r.object_ref
WHERE r.what IN ('capture', 'return');

-- name: their_sums
-- Adds up their records of an object where both sides do not say the same.
SELECT t.object_kind, t.object_ref, t.nature, t.currency, t.theirs_minor, t.records, t.occurred_at, t.attempt_name,
    t.capture_kind, t.capture_ref, o.minor AS ours_minor, o.currency AS ours_currency, o.status AS ours_status,
    o.moved_at, o.order_id, o.attempt_id AS our_attempt_id
FROM (
    SELECT object_kind, object_ref, min(nature) AS nature, min(currency) AS currency,
        CAST(sum(minor) AS BIGINT) AS theirs_minor,
        CAST(sum(CASE WHEN minor > 0 THEN 1 ELSE 0 END) AS BIGINT) AS records,
        max(occurred_at) AS occurred_at, max(attempt_id) AS attempt_name, min(capture_kind) AS capture_kind,
        min(capture_ref) AS capture_ref
    FROM their_records
    GROUP BY object_kind, object_ref
) AS t
LEFT JOIN our_money AS o
    ON o.object_kind = t.object_kind
    AND o.object_ref = t.object_ref
WHERE COALESCE(o.minor, 0) <> t.theirs_minor
    OR (COALESCE(o.currency, t.currency) <> t.currency AND t.theirs_minor <> 0);

-- name: attempt_names
-- Lists how records that differ name attempts of ours, each of which must be one.
SELECT DISTINCT attempt_name
FROM their_sums
WHERE attempt_name IS NOT NULL;

-- name: their_unlike
-- Puts the attempt to each that they name.
SELECT u.object_kind, u.object_ref, u.nature, u.currency, u.theirs_minor, u.records, u.occurred_at, u.capture_kind,
    u.capture_ref, u.ours_minor, u.ours_currency, u.ours_status, u.moved_at, u.order_id, u.our_attempt_id,
    n.attempt_id AS named_attempt_id
FROM their_sums AS u
LEFT JOIN named AS n
    ON n.name = u.attempt_name;

-- name: known_names
-- Looks them up among all names that we know at the provider.
SELECT r.object_kind AS kind, r.object_ref AS ref, r.attempt_id, r.order_id
FROM our_rows AS r
JOIN wanted_names AS w
    ON w.kind = r.object_kind
    AND w.ref = r.object_ref
WHERE r.what IN ('capture', 'reference');

-- name: known_attempts
-- Looks the attempts up that these objects name, with whether another payment of each is recorded.
SELECT a.attempt_id, a.order_id,
    max(CASE WHEN a.what = 'capture' THEN 1 ELSE 0 END) = 1 AS is_captured,
    max(CASE WHEN a.what = 'attempt' THEN 1 ELSE 0 END) = 1 AS is_known
FROM our_rows AS a
JOIN (SELECT DISTINCT named_attempt_id FROM their_unlike WHERE named_attempt_id IS NOT NULL) AS w
    ON w.named_attempt_id = a.attempt_id
WHERE a.what IN ('attempt', 'capture')
GROUP BY a.attempt_id, a.order_id;

-- name: their_lines
-- Tells of each what the rule needs: whether it is ours, whether it is a second payment, when our side last moved.
SELECT u.object_kind, u.object_ref, u.nature, u.currency, u.theirs_minor, u.records, u.occurred_at, u.ours_minor,
    u.ours_currency, u.ours_status, COALESCE(u.moved_at, u.occurred_at) AS moved_at,
    COALESCE(u.our_attempt_id, a.attempt_id, p.attempt_id, s.attempt_id) AS attempt_id,
    COALESCE(u.order_id, a.order_id, p.order_id, s.order_id) AS order_id,
    (
        u.ours_minor IS NOT NULL OR u.named_attempt_id IS NOT NULL OR p.ref IS NOT NULL OR s.ref IS NOT NULL
    ) AS is_ours,
    u.nature = 'charge' AND u.ours_minor IS NULL AND COALESCE(a.is_captured, false) AS is_second
FROM their_unlike AS u
LEFT JOIN known_attempts AS a
    ON a.attempt_id = u.named_attempt_id
    AND a.is_known
LEFT JOIN known_names AS p
    ON p.kind = u.object_kind
    AND p.ref = u.object_ref
LEFT JOIN known_names AS s
    ON s.kind = u.capture_kind
    AND s.ref = u.capture_ref;

-- name: lines
-- Names each difference, on every day on which the object has a record, or on which we saw it first. The rule is
-- `classify` in domain/reconciliation.py.
SELECT d.day,
    CASE
        WHEN u.ours_minor IS NULL AND g.now - u.occurred_at < INTERVAL '1' HOUR THEN 'timing'
        WHEN u.ours_minor IS NULL AND u.is_second THEN 'duplicate'
        WHEN u.ours_minor IS NULL THEN 'only_there'
        WHEN u.currency = u.ours_currency AND u.ours_status IN ('pending', 'unknown', 'warning') THEN 'timing'
        WHEN u.moved_at - INTERVAL '1' HOUR < g.read_from OR u.moved_at + INTERVAL '1' HOUR > g.read_until THEN 'timing'
        WHEN g.now - u.occurred_at < INTERVAL '1' HOUR THEN 'timing'
        WHEN u.nature = 'charge' AND u.records > 1 AND u.theirs_minor > u.ours_minor AND u.currency = u.ours_currency
            THEN 'duplicate'
        ELSE 'differs'
    END AS class,
    u.nature, u.object_kind, u.object_ref, u.theirs_minor, u.ours_minor, u.currency, u.ours_currency, u.records,
    u.order_id, u.attempt_id, u.occurred_at
FROM their_lines AS u
JOIN (SELECT DISTINCT object_kind, object_ref, day FROM their_records) AS r
    ON r.object_kind = u.object_kind
    AND r.object_ref = u.object_ref
JOIN days AS d
    ON d.day = r.day
CROSS JOIN span AS g
WHERE u.is_ours
UNION ALL
SELECT d.day,
    CASE
        WHEN o.seen_at - INTERVAL '1' HOUR < g.read_from OR o.seen_at + INTERVAL '1' HOUR > g.read_until THEN 'timing'
        ELSE 'only_here'
    END AS class,
    o.nature, o.object_kind, o.object_ref, NULL, o.minor, o.currency, o.currency, 0, o.order_id, o.attempt_id, o.seen_at
FROM our_money AS o
JOIN days AS d
    ON o.seen_at >= d.from_at
    AND o.seen_at < d.to_at
CROSS JOIN span AS g
LEFT JOIN (SELECT DISTINCT object_kind, object_ref FROM their_records) AS t
    ON t.object_kind = o.object_kind
    AND t.object_ref = o.object_ref
WHERE t.object_ref IS NULL
    AND o.is_expected;

-- name: counted
-- Counts their records of the days: all, those of objects that do not match, and those that are none of ours.
SELECT
    (
        SELECT count(*)
        FROM theirs
        WHERE day >= (SELECT first_day FROM span) AND day <= (SELECT last_day FROM span)
    ) AS records,
    COALESCE(sum(CASE WHEN u.is_ours THEN 1 ELSE 0 END), 0) AS unmatched,
    COALESCE(sum(CASE WHEN u.is_ours THEN 0 ELSE 1 END), 0) AS not_ours
FROM their_records AS r
JOIN days AS d
    ON d.day = r.day
JOIN their_lines AS u
    ON u.object_kind = r.object_kind
    AND u.object_ref = r.object_ref;

-- name: told
-- Lists the differences in an order that is the same every time. The session's times are of UTC, and a time without a zone
-- needs no package to become one of Python's.
SELECT day, class, nature, object_kind, object_ref, theirs_minor, ours_minor, currency, ours_currency, records, order_id,
    attempt_id, CAST(occurred_at AS TIMESTAMP) AS occurred_at
FROM lines
ORDER BY day, class, object_kind, object_ref;

-- name: risked
-- Adds up the differences by class and currency.
SELECT class, currency, count(*) AS objects,
    CAST(sum(abs(COALESCE(theirs_minor, 0) - COALESCE(ours_minor, 0))) AS BIGINT) AS money_minor
FROM lines
GROUP BY class, currency
ORDER BY class, currency;
