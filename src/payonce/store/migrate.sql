-- The book of migrations. Row 0 is no migration: it is the lock that whoever migrates holds until COMMIT, a plain row so
-- that every engine of the family can do it.

-- name: has_book
-- A database that payonce has never seen has no book yet, and reading it would be an error.
SELECT count(*) AS tables
FROM information_schema.tables
WHERE table_schema = current_schema()
    AND table_name = 'migrations';

-- name: make_book
-- Made by the first that migrates; two that start at once both find it.
CREATE TABLE IF NOT EXISTS migrations (
    number integer NOT NULL CONSTRAINT migration_applied_once PRIMARY KEY,
    name text NOT NULL,
    phase text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL
);

-- name: make_lock
-- The row that is locked must exist before it can be.
INSERT INTO migrations (number, name, phase, checksum, applied_at)
VALUES (0, 'lock', 'pre', '', %(now)s::timestamptz)
ON CONFLICT (number) DO NOTHING;

-- name: be_patient
-- Another process may be migrating, and a migration may take as long as it takes; the limits of requests are not for it.
SELECT
    set_config('statement_timeout', '0', true) AS statement_timeout,
    set_config('lock_timeout', '60s', true) AS lock_timeout;

-- name: lock
-- One migrates at a time; the second waits here, and then finds the work done.
SELECT number
FROM migrations
WHERE number = 0
FOR UPDATE;

-- name: be_quick_with_locks
-- A change of a table that waits for a long reader blocks everybody behind it; it gives up soon instead.
SELECT set_config('lock_timeout', '5s', true) AS lock_timeout;

-- name: applied
-- What the database has, to be compared with what the code brings.
SELECT number, name, phase, checksum, applied_at
FROM migrations
WHERE number > 0
ORDER BY number;

-- name: record
-- In the transaction of the migration itself, so that it is applied and recorded, or neither.
INSERT INTO migrations (number, name, phase, checksum, applied_at)
VALUES (
    %(number)s::integer, %(name)s::text, %(phase)s::text, %(checksum)s::text, %(now)s::timestamptz
);
