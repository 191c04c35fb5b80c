-- Jobs and their runs. These rows belong to the installation and not to a merchant.
--
-- A process that looks whether a job is due reads one row and the switches that concern it. Who finds it due takes it by a
-- conditional update of that row: the fence that was read must still stand, so that of many who look at once one wins.
-- From then on every write of the run asks for its fence.

-- name: register_jobs
-- Writes what the timetable of this process says; operators' words beside it stay, and equal rows are not touched, nor
-- even locked: a process that is frozen while it holds one must not keep others from starting.
-- With `only_new`, what others say stays too: this process does not run these.
INSERT INTO jobs (job, why, is_worker, notify, timetable_seconds, most_rows, most_messages, registered_at)
SELECT j.job, j.why, j.is_worker, j.notify, j.timetable_seconds, j.most_rows, j.most_messages, %(now)s::timestamptz
FROM unnest(
    %(jobs)s::text[], %(whys)s::text[], %(workers)s::boolean[], %(notify)s::text[], %(seconds)s::double precision[],
    %(most_rows)s::integer[], %(most_messages)s::integer[]
) AS j (job, why, is_worker, notify, timetable_seconds, most_rows, most_messages)
WHERE NOT EXISTS (
    SELECT 1
    FROM jobs AS k
    WHERE k.job = j.job
        AND (
            %(only_new)s::boolean
            OR (k.why, k.is_worker, k.notify, k.timetable_seconds, k.most_rows, k.most_messages)
                IS NOT DISTINCT FROM (j.why, j.is_worker, j.notify, j.timetable_seconds, j.most_rows, j.most_messages)
        )
)
ORDER BY j.job
ON CONFLICT (job) DO UPDATE
SET why = excluded.why, is_worker = excluded.is_worker, notify = excluded.notify,
    timetable_seconds = excluded.timetable_seconds, most_rows = excluded.most_rows,
    most_messages = excluded.most_messages
WHERE NOT %(only_new)s::boolean
    AND (jobs.why, jobs.is_worker, jobs.notify, jobs.timetable_seconds, jobs.most_rows, jobs.most_messages)
    IS DISTINCT FROM (
        excluded.why, excluded.is_worker, excluded.notify, excluded.timetable_seconds, excluded.most_rows,
        excluded.most_messages
    );

-- name: job_state
-- Reads all that a turn of a job depends on; this is what an idle look costs.
SELECT job, COALESCE(every_seconds, timetable_seconds) AS every_seconds, is_retired, slot_at, run_id, run_slot_at, fence,
    lease_until, rest_until, failures_in_a_row
FROM jobs
WHERE job = %(job)s::text;

-- name: take_job
-- Holds the job for a run, unless somebody was faster since its row was read (also by renewing a lease that was past), or
-- the slot was run already by a clock that is ahead of ours.
UPDATE jobs
SET run_id = %(run_id)s::uuid,
    run_slot_at = %(run_slot_at)s::timestamptz,
    slot_at = COALESCE(%(slot_at)s::timestamptz, slot_at),
    fence = fence + 1,
    lease_until = %(lease_until)s::timestamptz,
    rest_until = NULL,
    last_run_at = %(now)s::timestamptz
WHERE job = %(job)s::text
    AND fence = %(fence)s::bigint
    AND run_id IS NOT DISTINCT FROM %(held_by)s::uuid
    AND lease_until IS NOT DISTINCT FROM %(held_until)s::timestamptz
    AND NOT is_retired
    AND NOT EXISTS (
        SELECT 1
        FROM job_runs AS r
        WHERE r.job = %(job)s::text
            AND r.slot_at = %(slot_at)s::timestamptz
            AND r.run_id <> %(run_id)s::uuid
    )
RETURNING fence;

-- name: start_run
-- Keeps a run from its first moment, or lets one that was interrupted go on with the counters it has.
INSERT INTO job_runs (
    run_id, job, slot_at, state, started_by, started_at, lease_until, fence, slots, most_rows, most_messages
)
VALUES (
    %(run_id)s::uuid, %(job)s::text, %(slot_at)s::timestamptz, 'running', %(started_by)s::text, %(now)s::timestamptz,
    %(lease_until)s::timestamptz, %(fence)s::bigint, %(slots)s::integer, %(most_rows)s::integer,
    %(most_messages)s::integer
)
ON CONFLICT (run_id) DO UPDATE
SET state = 'running', ended_at = NULL, lease_until = excluded.lease_until, fence = excluded.fence
RETURNING started_at, slots, batches, taken, changed, messages, people, suppressed, failures, report;

-- name: renew_job
-- Prolongs the lease of a run that still holds its job; no row tells it that it lost the job.
UPDATE jobs
SET lease_until = %(lease_until)s::timestamptz,
    last_success_at = COALESCE(%(succeeded_at)s::timestamptz, last_success_at)
WHERE job = %(job)s::text
    AND run_id = %(run_id)s::uuid
    AND fence = %(fence)s::bigint
RETURNING fence;

-- name: write_run
-- Writes how far a run is, and how it ended where it did.
INSERT INTO job_runs (
    run_id, job, slot_at, state, started_by, started_at, ended_at, lease_until, fence, slots, batches, taken, changed,
    messages, people, suppressed, failures, most_rows, most_messages, stopped_why, report
)
VALUES (
    %(run_id)s::uuid, %(job)s::text, %(slot_at)s::timestamptz, %(state)s::text, %(started_by)s::text,
    %(started_at)s::timestamptz, %(ended_at)s::timestamptz, %(lease_until)s::timestamptz, %(fence)s::bigint,
    %(slots)s::integer, %(batches)s::integer, %(taken)s::bigint, %(changed)s::bigint, %(messages)s::bigint,
    %(people)s::bigint, %(suppressed)s::bigint, %(failures)s::bigint, %(most_rows)s::integer,
    %(most_messages)s::integer, %(stopped_why)s::text, %(report)s::jsonb
)
ON CONFLICT (run_id) DO UPDATE
SET state = excluded.state, ended_at = excluded.ended_at, lease_until = excluded.lease_until, fence = excluded.fence,
    batches = excluded.batches, taken = excluded.taken, changed = excluded.changed, messages = excluded.messages,
    people = excluded.people, suppressed = excluded.suppressed, failures = excluded.failures,
    stopped_why = excluded.stopped_why, report = excluded.report;

-- name: leave_job
-- Lets go of a job whose run ended. With `is_idle`, the run is only counted, because it found nothing and kept no row.
UPDATE jobs
SET run_id = NULL,
    run_slot_at = NULL,
    lease_until = NULL,
    rest_until = %(rest_until)s::timestamptz,
    failures_in_a_row = %(failures_in_a_row)s::integer,
    idle_runs = CASE WHEN %(found)s::boolean THEN 0 ELSE idle_runs + %(idle)s::integer END,
    idle_since = CASE WHEN %(found)s::boolean THEN NULL ELSE COALESCE(idle_since, %(now)s::timestamptz) END,
    last_success_at = COALESCE(%(succeeded_at)s::timestamptz, last_success_at),
    last_error = %(last_error)s::text
WHERE job = %(job)s::text
    AND run_id = %(run_id)s::uuid
    AND fence = %(fence)s::bigint
RETURNING fence;

-- name: suspend_job
-- Leaves a run to be taken up again, at once by another process or when a switch is put back: its lease ends now.
UPDATE jobs
SET lease_until = %(now)s::timestamptz
WHERE job = %(job)s::text
    AND run_id = %(run_id)s::uuid
    AND fence = %(fence)s::bigint
RETURNING fence;

-- name: rest_job
-- Leaves a run that failed to be tried again itself, by anybody, once it has rested.
UPDATE jobs
SET lease_until = %(now)s::timestamptz,
    rest_until = %(rest_until)s::timestamptz,
    failures_in_a_row = %(failures_in_a_row)s::integer,
    last_error = %(last_error)s::text
WHERE job = %(job)s::text
    AND run_id = %(run_id)s::uuid
    AND fence = %(fence)s::bigint
RETURNING fence;

-- name: note_work
-- Says that a worker was at work, which holds no job and so leaves no other word of it.
UPDATE jobs
SET last_run_at = %(now)s::timestamptz,
    last_success_at = COALESCE(%(succeeded_at)s::timestamptz, last_success_at),
    last_error = %(last_error)s::text,
    idle_runs = CASE WHEN %(found)s::boolean THEN 0 ELSE idle_runs + 1 END,
    idle_since = CASE WHEN %(found)s::boolean THEN NULL ELSE COALESCE(idle_since, %(now)s::timestamptz) END
WHERE job = %(job)s::text;

-- name: lose_workers
-- Ends the rows of workers that said nothing for longer than their lease: their processes are gone.
UPDATE job_runs
SET state = 'lost', ended_at = %(now)s::timestamptz
WHERE job = %(job)s::text
    AND state = 'running'
    AND slot_at IS NULL
    AND lease_until < %(now)s::timestamptz
    AND run_id NOT IN (
        SELECT j.run_id
        FROM jobs AS j
        WHERE j.job = %(job)s::text
            AND j.run_id IS NOT NULL
    );

-- name: list_jobs
-- Shows jobs with their last run; all of them, or one.
SELECT j.job, j.why, j.is_worker, j.notify, COALESCE(j.every_seconds, j.timetable_seconds) AS every_seconds,
    j.timetable_seconds, j.is_retired, j.most_rows, j.most_messages, j.slot_at, j.run_id, j.lease_until, j.fence,
    j.failures_in_a_row, j.idle_runs, j.idle_since, j.last_run_at, j.last_success_at, j.last_error
FROM jobs AS j
WHERE %(job)s::text IS NULL
    OR j.job = %(job)s::text
ORDER BY j.job;

-- name: list_runs
-- Shows runs, the newest first: of one job or of all, or one run.
SELECT run_id, job, slot_at, state, started_by, started_at, ended_at, lease_until, fence, slots, batches, taken, changed,
    messages, people, suppressed, failures, most_rows, most_messages, stopped_why, report
FROM job_runs
WHERE (%(job)s::text IS NULL OR job = %(job)s::text)
    AND (%(run_id)s::uuid IS NULL OR run_id = %(run_id)s::uuid)
    AND (%(before)s::uuid IS NULL OR run_id < %(before)s::uuid)
ORDER BY run_id DESC
LIMIT %(limit)s::integer;

-- name: set_interval
-- Gives a job another interval than its timetable's; null gives that one back.
UPDATE jobs
SET every_seconds = %(every_seconds)s::double precision
WHERE job = %(job)s::text
RETURNING job;

-- name: set_retired
-- Takes a job out of use, or back into it.
UPDATE jobs
SET is_retired = %(is_retired)s::boolean
WHERE job = %(job)s::text
RETURNING job;
