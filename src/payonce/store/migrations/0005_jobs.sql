-- phase: pre
-- Reason: jobs run once across all processes, every run can say what it did, and operators can stop them.

-- These belong to the installation and not to a merchant: a job looks after all of them.
--
-- One row for each job of the timetable, written when a process starts. `every_seconds` and `is_retired` are an
-- operator's words, which beat the timetable. A run holds the job while `run_id` is set: whoever finds its lease past
-- takes it over with the next fence, and the one that slept notices by the fence that it lost it.
CREATE TABLE jobs (
    job text NOT NULL,
    why text NOT NULL,
    is_worker boolean NOT NULL,
    notify text NOT NULL CONSTRAINT job_notify_said CHECK (notify IN ('never', 'preview', 'send')),
    timetable_seconds double precision NOT NULL CONSTRAINT job_comes_again CHECK (timetable_seconds > 0),
    most_rows integer,
    most_messages integer,
    every_seconds double precision CONSTRAINT job_comes_again_as_asked CHECK (every_seconds > 0),
    is_retired boolean NOT NULL DEFAULT false,
    slot_at timestamptz,
    run_id uuid,
    run_slot_at timestamptz,
    fence bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    rest_until timestamptz,
    failures_in_a_row integer NOT NULL DEFAULT 0,
    idle_runs bigint NOT NULL DEFAULT 0,
    idle_since timestamptz,
    last_run_at timestamptz,
    last_success_at timestamptz,
    last_error text,
    registered_at timestamptz NOT NULL,
    CONSTRAINT job_once PRIMARY KEY (job),
    CONSTRAINT job_held_with_a_lease CHECK ((run_id IS NULL) = (lease_until IS NULL))
) WITH (fillfactor = 50);

-- One row for each run that did something, or that comes seldom enough to be kept anyway. Without a slot: started by
-- hand, or the life of one worker.
CREATE TABLE job_runs (
    run_id uuid NOT NULL,
    job text NOT NULL,
    slot_at timestamptz,
    state text NOT NULL
        CONSTRAINT job_run_state_known CHECK (state IN ('running', 'done', 'failed', 'stopped', 'lost')),
    started_by text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    lease_until timestamptz,
    fence bigint NOT NULL,
    -- How many slots it stands for: more than one after a time in which nothing ran.
    slots integer NOT NULL DEFAULT 1 CONSTRAINT job_run_stands_for_a_slot CHECK (slots > 0),
    batches integer NOT NULL DEFAULT 0,
    taken bigint NOT NULL DEFAULT 0,
    changed bigint NOT NULL DEFAULT 0,
    messages bigint NOT NULL DEFAULT 0,
    people bigint NOT NULL DEFAULT 0,
    suppressed bigint NOT NULL DEFAULT 0,
    failures bigint NOT NULL DEFAULT 0,
    -- The caps that it ran with; the job's may be others today.
    most_rows integer,
    most_messages integer,
    stopped_why text,
    report jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (run_id),
    CONSTRAINT job_run_of_a_job FOREIGN KEY (job) REFERENCES jobs (job),
    CONSTRAINT job_run_once_per_slot UNIQUE (job, slot_at),
    CONSTRAINT job_run_ended_unless_running CHECK ((state = 'running') = (ended_at IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX job_runs_by_job ON job_runs (job, run_id);
CREATE INDEX job_runs_without_slot ON job_runs (job, lease_until) WHERE state = 'running' AND slot_at IS NULL;

-- What operators stopped: a job, `all` background work, or `messages` to customers but of the kinds allowed.
CREATE TABLE switches (
    name text NOT NULL,
    is_off boolean NOT NULL,
    allow text[] NOT NULL DEFAULT '{}',
    reason text NOT NULL CONSTRAINT switch_pulled_with_a_reason CHECK (reason <> ''),
    actor text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT switch_once PRIMARY KEY (name)
);

-- Who switched what, when and why: rows are added and never changed.
CREATE TABLE switch_changes (
    change_id uuid NOT NULL,
    name text NOT NULL,
    act text NOT NULL CONSTRAINT switch_act_known CHECK (act IN ('pause', 'resume', 'every', 'retire', 'revive')),
    detail text NOT NULL,
    reason text NOT NULL CONSTRAINT switch_changed_with_a_reason CHECK (reason <> ''),
    actor text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (change_id)
);
CREATE INDEX switch_changes_by_name ON switch_changes (name, at, change_id);

-- What tells of a person is erased by age; the row stays, and says when.
ALTER TABLE payers ADD COLUMN erased_at timestamptz;
CREATE INDEX payers_to_erase ON payers (merchant_id, order_id) WHERE erased_at IS NULL;
CREATE INDEX evidence_to_erase ON evidence (merchant_id, at)
    WHERE address IS NOT NULL OR user_agent IS NOT NULL OR referer IS NOT NULL;
ALTER TABLE events ADD COLUMN erased_at timestamptz;
CREATE INDEX events_to_erase ON events (merchant_id, received_at)
    WHERE erased_at IS NULL AND state IN ('applied', 'ignored');
