-- Alerts: what is told of findings, on which route, in which message; and the silences that hold them back.
--
-- A worker first looks whether there is anything to do at all, in one round trip. Changes become alerts under the lock of
-- their findings; alerts become messages under their own. SKIP LOCKED only spares workers from waiting for each other.

-- name: anything_to_alert
-- Looks whether there is work, so that an idle step costs one statement: all of these read small partial indexes.
SELECT
    EXISTS (
        SELECT 1
        FROM findings
        WHERE merchant_id = %(merchant_id)s::text
            AND told_change < change
    ) AS changes,
    EXISTS (
        SELECT 1
        FROM silences
        WHERE merchant_id = %(merchant_id)s::text
            AND announced_at IS NULL
            AND ends_at <= %(now)s::timestamptz
    ) AS silences,
    EXISTS (
        SELECT 1
        FROM alerts
        WHERE merchant_id = %(merchant_id)s::text
            AND state = 'waiting'
            AND due_at <= %(now)s::timestamptz
    ) AS waiting,
    EXISTS (
        SELECT 1
        FROM alert_messages
        WHERE merchant_id = %(merchant_id)s::text
            AND state IN ('claimed', 'failed')
            AND COALESCE(due_at, lease_until) <= %(now)s::timestamptz
    ) AS messages;

-- name: lock_changes
-- Takes up findings that changed since they were last told, and keeps others from telling the same.
SELECT finding_id, kind, severity, provider, order_id, change, changed_as, state
FROM findings
WHERE merchant_id = %(merchant_id)s::text
    AND told_change < change
ORDER BY finding_id
LIMIT %(limit)s::integer
FOR UPDATE SKIP LOCKED;

-- name: changes_to_tell
-- Shows findings that changed since they were last told, for who only looks.
SELECT finding_id, kind, severity, provider, order_id, change, changed_as
FROM findings
WHERE merchant_id = %(merchant_id)s::text
    AND told_change < change
ORDER BY finding_id
LIMIT %(limit)s::integer;

-- name: mark_told
-- Remembers for each finding up to which change alerts were made of it.
UPDATE findings
SET told_change = new.change
FROM unnest(%(finding_ids)s::uuid[], %(changes)s::integer[]) AS new (finding_id, change)
WHERE findings.merchant_id = %(merchant_id)s::text
    AND findings.finding_id = new.finding_id
    AND findings.told_change < new.change;

-- name: noted_before
-- Tells what was noted of these findings on each route; a message that died told nobody.
SELECT alerts.subject_id, alerts.route,
    COALESCE(bool_or(alerts.state = 'waiting'), false) AS waiting,
    COALESCE(max(alerts.change) FILTER (
        WHERE alerts.tone = 'raised' AND alerts.state = 'grouped' AND alert_messages.state <> 'dead'
    ), 0) AS told_change,
    COALESCE(max(alerts.change) FILTER (WHERE alerts.tone = 'resolved'), 0) AS resolved_change
FROM alerts
LEFT JOIN alert_messages
    ON alert_messages.merchant_id = alerts.merchant_id
    AND alert_messages.message_id = alerts.message_id
WHERE alerts.merchant_id = %(merchant_id)s::text
    AND alerts.subject_id = ANY(%(finding_ids)s::uuid[])
GROUP BY alerts.subject_id, alerts.route;

-- name: last_begun
-- Tells when a message of a kind was last begun on each route, so that a burst is not told one by one.
SELECT route, kind, tone, max(begun_at) AS begun_at
FROM alert_messages
WHERE merchant_id = %(merchant_id)s::text
    AND begun_at > %(since)s::timestamptz
GROUP BY route, kind, tone;

-- name: insert_alerts
-- Writes one alert for each change and route; a second one of the same changes nothing.
INSERT INTO alerts (
    merchant_id, alert_id, route, subject, subject_id, change, changed_as, kind, tone, state, silence_id, due_at, noted_at
)
SELECT %(merchant_id)s::text, alert_id, route, %(subject)s::text, subject_id, change, changed_as, kind, tone, state,
    silence_id, due_at, %(now)s::timestamptz
FROM unnest(
    %(alert_ids)s::uuid[], %(routes)s::text[], %(subject_ids)s::uuid[], %(changes)s::integer[], %(changed_as)s::text[],
    %(kinds)s::text[], %(tones)s::text[], %(states)s::text[], %(silence_ids)s::uuid[], %(dues)s::timestamptz[]
) AS new (alert_id, route, subject_id, change, changed_as, kind, tone, state, silence_id, due_at)
ON CONFLICT (merchant_id, subject_id, change, route) DO NOTHING;

-- name: drop_waiting
-- Drops what waits about findings that are resolved: there is nothing to do about them any more.
UPDATE alerts
SET state = 'dropped',
    dropped_because = 'resolved before it was told',
    due_at = NULL
WHERE merchant_id = %(merchant_id)s::text
    AND subject_id = ANY(%(finding_ids)s::uuid[])
    AND tone = 'raised'
    AND state = 'waiting';

-- name: drop_orphans
-- Drops what has waited for long for a route that no settings name any more.
UPDATE alerts
SET state = 'dropped',
    dropped_because = 'there is no such route any more',
    due_at = NULL
WHERE merchant_id = %(merchant_id)s::text
    AND state = 'waiting'
    AND route <> ALL(%(routes)s::text[])
    AND due_at < %(before)s::timestamptz;

-- name: due_groups
-- Finds the groups that are due, the longest waiting first; those that are still complete themselves wait.
SELECT route, kind, tone, min(due_at) AS due_at
FROM alerts
WHERE merchant_id = %(merchant_id)s::text
    AND state = 'waiting'
    AND route = ANY(%(routes)s::text[])
GROUP BY route, kind, tone
HAVING min(due_at) <= %(now)s::timestamptz
ORDER BY min(due_at), route, kind, tone;

-- name: lock_group
-- Takes up everything that waits for one route about one kind, whether it is due by itself or not.
SELECT alert_id, subject_id, changed_as
FROM alerts
WHERE merchant_id = %(merchant_id)s::text
    AND state = 'waiting'
    AND route = %(route)s::text
    AND kind = %(kind)s::text
    AND tone = %(tone)s::text
ORDER BY alert_id
LIMIT %(limit)s::integer
FOR UPDATE;

-- name: insert_messages
-- Writes messages before anybody is called: claimed, with a lease.
INSERT INTO alert_messages (merchant_id, message_id, route, kind, tone, alerts, state, lease_until, begun_at)
SELECT %(merchant_id)s::text, message_id, route, kind, tone, alerts, 'claimed', %(lease_until)s::timestamptz,
    %(now)s::timestamptz
FROM unnest(
    %(message_ids)s::uuid[], %(routes)s::text[], %(kinds)s::text[], %(tones)s::text[], %(counts)s::integer[]
) AS new (message_id, route, kind, tone, alerts);

-- name: group_alerts
-- Puts alerts into their message, for good.
UPDATE alerts
SET state = 'grouped',
    message_id = new.message_id,
    due_at = NULL
FROM unnest(%(alert_ids)s::uuid[], %(message_ids)s::uuid[]) AS new (alert_id, message_id)
WHERE alerts.merchant_id = %(merchant_id)s::text
    AND alerts.alert_id = new.alert_id
    AND alerts.state = 'waiting';

-- name: lock_ended_claims
-- Takes up messages whose worker never said how it ended.
SELECT message_id, route, tries
FROM alert_messages
WHERE merchant_id = %(merchant_id)s::text
    AND state = 'claimed'
    AND lease_until <= %(now)s::timestamptz
ORDER BY message_id
LIMIT %(limit)s::integer
FOR UPDATE SKIP LOCKED;

-- name: lock_orphaned_messages
-- Takes up messages that were to be tried again on a route that no settings name any more.
SELECT message_id, route
FROM alert_messages
WHERE merchant_id = %(merchant_id)s::text
    AND state = 'failed'
    AND route <> ALL(%(routes)s::text[])
    AND due_at <= %(before)s::timestamptz
ORDER BY message_id
LIMIT %(limit)s::integer
FOR UPDATE SKIP LOCKED;

-- name: lock_due_messages
-- Takes up messages whose next try is due, the longest waiting first.
SELECT message_id, route, kind, tone, fence
FROM alert_messages
WHERE merchant_id = %(merchant_id)s::text
    AND state = 'failed'
    AND due_at <= %(now)s::timestamptz
    AND route = ANY(%(routes)s::text[])
ORDER BY due_at, message_id
LIMIT %(limit)s::integer
FOR UPDATE SKIP LOCKED;

-- name: fences
-- Reads who holds messages, after a COMMIT whose answer was lost.
SELECT message_id, state, fence
FROM alert_messages
WHERE merchant_id = %(merchant_id)s::text
    AND message_id = ANY(%(message_ids)s::uuid[]);

-- name: claim_message
-- Claims a message for its next try.
UPDATE alert_messages
SET state = 'claimed',
    tries = tries + 1,
    fence = fence + 1,
    lease_until = %(lease_until)s::timestamptz,
    due_at = NULL
WHERE merchant_id = %(merchant_id)s::text
    AND message_id = %(message_id)s::uuid;

-- name: lock_message
-- Holds a message while it is recorded how its try ended.
SELECT message_id, route, kind, tone, state, tries, fence
FROM alert_messages
WHERE merchant_id = %(merchant_id)s::text
    AND message_id = %(message_id)s::uuid
FOR UPDATE;

-- name: move_message
-- Records how a try ended, or that nobody knows.
UPDATE alert_messages
SET state = %(state)s::text,
    lease_until = NULL,
    due_at = %(due_at)s::timestamptz,
    ended_at = CASE WHEN %(state)s::text = 'failed' THEN NULL ELSE %(now)s::timestamptz END,
    answer = %(answer)s::text
WHERE merchant_id = %(merchant_id)s::text
    AND message_id = %(message_id)s::uuid;

-- name: findings_of_messages
-- Reads the findings that messages tell of, as they are now.
SELECT alerts.message_id, findings.finding_id, findings.kind, findings.severity, findings.state, findings.owner,
    findings.order_id, findings.money_minor, findings.currency, findings.first_seen_at, findings.deadline_at,
    alerts.changed_as
FROM alerts
JOIN findings
    ON findings.merchant_id = alerts.merchant_id
    AND findings.finding_id = alerts.subject_id
WHERE alerts.merchant_id = %(merchant_id)s::text
    AND alerts.message_id = ANY(%(message_ids)s::uuid[])
    AND alerts.subject = 'finding'
ORDER BY alerts.message_id, findings.finding_id;

-- name: silences_of_messages
-- Reads the silences whose end messages announce, and how many alerts each held on the message's route.
SELECT alerts.message_id, silences.silence_id, silences.kind, silences.severity, silences.provider, silences.order_id,
    silences.author, silences.reason, silences.ended_by,
    (
        SELECT count(*)
        FROM alerts AS held
        WHERE held.merchant_id = silences.merchant_id
            AND held.silence_id = silences.silence_id
            AND held.route = alerts.route
    ) AS held
FROM alerts
JOIN silences
    ON silences.merchant_id = alerts.merchant_id
    AND silences.silence_id = alerts.subject_id
WHERE alerts.merchant_id = %(merchant_id)s::text
    AND alerts.message_id = ANY(%(message_ids)s::uuid[])
    AND alerts.subject = 'silence'
ORDER BY alerts.message_id, silences.silence_id;

-- name: held_and_open
-- Reads the findings that a silence held back on a route and that somebody must still look at.
SELECT DISTINCT findings.finding_id, findings.kind, findings.severity, findings.state, findings.owner, findings.order_id,
    findings.money_minor, findings.currency, findings.first_seen_at, findings.deadline_at
FROM alerts
JOIN findings
    ON findings.merchant_id = alerts.merchant_id
    AND findings.finding_id = alerts.subject_id
WHERE alerts.merchant_id = %(merchant_id)s::text
    AND alerts.silence_id = %(silence_id)s::uuid
    AND alerts.route = %(route)s::text
    AND findings.state NOT IN ('resolved', 'ignored')
ORDER BY findings.finding_id
LIMIT %(limit)s::integer;

-- name: list_messages
-- Shows messages to people, the newest first.
SELECT message_id, route, kind, tone, alerts, state, tries, begun_at, due_at, ended_at, answer
FROM alert_messages
WHERE merchant_id = %(merchant_id)s::text
    AND (%(state)s::text IS NULL OR state = %(state)s::text)
    AND (%(route)s::text IS NULL OR route = %(route)s::text)
    AND (%(before)s::uuid IS NULL OR message_id < %(before)s::uuid)
ORDER BY message_id DESC
LIMIT %(limit)s::integer;

-- name: count_messages
-- Counts the messages of a while by route and state, and says when each was last begun; for metrics, doctor and routes.
SELECT route, state, count(*) AS messages, max(begun_at) AS last_at
FROM alert_messages
WHERE merchant_id = %(merchant_id)s::text
    AND begun_at > %(since)s::timestamptz
GROUP BY route, state
ORDER BY route, state;

-- name: count_waiting
-- Counts what waits, by route, for metrics and doctor.
SELECT route, count(*) AS alerts, min(due_at) AS due_at
FROM alerts
WHERE merchant_id = %(merchant_id)s::text
    AND state = 'waiting'
GROUP BY route
ORDER BY route;
