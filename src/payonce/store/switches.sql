-- Switches: what operators stopped, and every change of them. They belong to the installation.

-- name: read_switches
-- Reads the switches that concern a job, or all of them.
SELECT name, is_off, allow, reason, actor, at
FROM switches
WHERE %(names)s::text[] IS NULL
    OR name = ANY(%(names)s::text[])
ORDER BY name;

-- name: put_switch
-- Pulls a switch or puts it back.
INSERT INTO switches (name, is_off, allow, reason, actor, at)
VALUES (
    %(name)s::text, %(is_off)s::boolean, %(allow)s::text[], %(reason)s::text, %(actor)s::text, %(now)s::timestamptz
)
ON CONFLICT (name) DO UPDATE
SET is_off = excluded.is_off, allow = excluded.allow, reason = excluded.reason, actor = excluded.actor, at = excluded.at;

-- name: add_change
-- Keeps who switched what, when and why; once, also when its transaction is run again.
INSERT INTO switch_changes (change_id, name, act, detail, reason, actor, at)
VALUES (
    %(change_id)s::uuid, %(name)s::text, %(act)s::text, %(detail)s::text, %(reason)s::text, %(actor)s::text,
    %(now)s::timestamptz
)
ON CONFLICT (change_id) DO NOTHING;

-- name: list_changes
-- Shows the changes of one switch, or of all, the newest first.
SELECT change_id, name, act, detail, reason, actor, at
FROM switch_changes
WHERE %(name)s::text IS NULL
    OR name = %(name)s::text
ORDER BY change_id DESC
LIMIT %(limit)s::integer;
