-- Tallies of runs: counted in the transactions that take up and tell; see 0006_telling.sql.

-- name: usual_of_job
-- Reads what a job usually takes up and tells: the medians of its last scheduled runs that were finished and found
-- something, since somebody last put it back after it was stopped.
SELECT count(*) AS runs, percentile_disc(0.5) WITHIN GROUP (ORDER BY touched) AS touched,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY messages) AS messages
FROM (
    SELECT t.touched, t.messages
    FROM run_tallies AS t
    JOIN job_runs AS r
        ON r.run_id = t.run_id
        AND r.state = 'done'
        AND r.slot_at IS NOT NULL
    WHERE t.job = %(job)s::text
        AND t.at > COALESCE(
            (SELECT max(c.at) FROM switch_changes AS c WHERE c.name = %(job)s::text AND c.act = 'resume'),
            '-infinity'::timestamptz
        )
    ORDER BY t.at DESC, t.run_id DESC
    LIMIT %(most_runs)s::integer
) AS recent;

-- name: charge_run
-- Counts what a transaction takes up, and the messages that it owes anew; the checks of the row are the caps. The limits
-- are those of the run's beginning, however often it is taken over.
INSERT INTO run_tallies (
    run_id, job, touched, messages, most_touched, most_messages, usual_touched, usual_messages, at
)
SELECT %(run_id)s::uuid, %(job)s::text, %(touched)s::bigint, count(*), %(most_touched)s::bigint,
    %(most_messages)s::bigint, %(usual_touched)s::bigint, %(usual_messages)s::bigint, %(now)s::timestamptz
FROM effects
WHERE merchant_id = %(merchant_id)s::text
    AND effect_id = ANY(%(effect_ids)s::uuid[])
    AND nature = 'notification'
    AND state = 'pending'
ON CONFLICT (run_id) DO UPDATE
SET touched = run_tallies.touched + excluded.touched,
    messages = run_tallies.messages + excluded.messages,
    at = excluded.at;

-- name: read_tally
-- Reads how far a run came, for whoever says so.
SELECT touched, messages, most_touched, most_messages, usual_touched, usual_messages
FROM run_tallies
WHERE run_id = %(run_id)s::uuid;

-- name: pull_by_breaker
-- Stops a job for everybody until a person puts it back; one that was stopped already stays as it is.
INSERT INTO switches (name, is_off, reason, actor, at)
VALUES (%(job)s::text, true, %(reason)s::text, %(actor)s::text, %(now)s::timestamptz)
ON CONFLICT (name) DO UPDATE
SET is_off = true, reason = excluded.reason, actor = excluded.actor, at = excluded.at
WHERE NOT switches.is_off;

-- name: note_breaker
-- Keeps that the breaker stopped the job, beside what people switched.
INSERT INTO switch_changes (change_id, name, act, detail, reason, actor, at)
VALUES (
    %(change_id)s::uuid, %(job)s::text, 'pause', %(run)s::text, %(reason)s::text, %(actor)s::text, %(now)s::timestamptz
)
ON CONFLICT (change_id) DO NOTHING;

-- name: open_breakers
-- Finds the merchants with an open finding that the job's breaker tripped, which a run that went well closes.
SELECT merchant_id
FROM findings
WHERE merchant_id = ANY(%(merchants)s::text[])
    AND fingerprint = %(fingerprint)s::text
    AND resolved_at IS NULL
ORDER BY merchant_id;

-- name: messages_of_run
-- Counts what a run owed to be told, by kind and by what became of it, and to how many people (A9).
SELECT e.merchant_id, e.kind, e.occasion, e.nature, e.state, e.reason, count(*) AS effects,
    count(DISTINCT o.payer_reference) AS people
FROM effects AS e
JOIN orders AS o
    ON o.merchant_id = e.merchant_id
    AND o.order_id = e.order_id
WHERE e.merchant_id = ANY(%(merchants)s::text[])
    AND e.run_id = %(run_id)s::uuid
GROUP BY e.merchant_id, e.kind, e.occasion, e.nature, e.state, e.reason
ORDER BY e.merchant_id, e.kind, e.state, e.reason;

-- name: people_of_run
-- Counts the people whom a run let be told, each once: those whose message is sent, or may have been, or will be.
SELECT count(DISTINCT (o.merchant_id, o.payer_reference)) AS people
FROM effects AS e
JOIN orders AS o
    ON o.merchant_id = e.merchant_id
    AND o.order_id = e.order_id
WHERE e.merchant_id = ANY(%(merchants)s::text[])
    AND e.run_id = %(run_id)s::uuid
    AND e.nature = 'notification'
    AND e.state <> 'suppressed';

-- name: orders_of_run
-- Counts the orders that a run moved, from the rows that say how.
SELECT a.merchant_id, a.subject, a.event, a.target, count(*) AS steps, count(DISTINCT a.subject_id) AS subjects
FROM audit AS a
WHERE a.merchant_id = ANY(%(merchants)s::text[])
    AND a.run_id = %(run_id)s::uuid
GROUP BY a.merchant_id, a.subject, a.event, a.target
ORDER BY a.merchant_id, a.subject, a.event, a.target;
