-- phase: pre
-- Reason: the life of a finding, what the monitor looked at last, and how people who wanted to pay were answered.

ALTER TABLE findings
    -- Of which provider it is, where it is of one; for lists and for the routes of alerts.
    ADD COLUMN provider text,
    -- What it was seen by: rows as `order:<uuid>`, and names of a provider's objects.
    ADD COLUMN evidence jsonb NOT NULL DEFAULT '[]',
    -- How many things and how many orders it stands for; `seen` counts how often it was looked at.
    ADD COLUMN counted bigint NOT NULL DEFAULT 1,
    ADD COLUMN orders bigint NOT NULL DEFAULT 0,
    -- The check of the monitor that returns it while it lasts; NULL: found where it happened, and resolved there.
    ADD COLUMN found_by text,
    -- The resolved finding of the same fingerprint that this one is the return of.
    ADD COLUMN earlier_id uuid,
    ADD COLUMN acknowledged_by text,
    ADD COLUMN acknowledged_at timestamptz,
    ADD COLUMN ignored_by text,
    ADD COLUMN ignored_at timestamptz,
    ADD COLUMN ignored_why text,
    ADD COLUMN ignored_until timestamptz,
    ADD COLUMN ignored_until_counted bigint,
    ADD COLUMN ignored_until_orders bigint,
    ADD COLUMN resolved_by text,
    ADD COLUMN is_overdue boolean NOT NULL DEFAULT false,
    -- Every change worth telling raises the number by one, so that each is told once.
    ADD COLUMN change integer NOT NULL DEFAULT 1 CONSTRAINT finding_change_positive CHECK (change > 0),
    ADD COLUMN changed_as text NOT NULL DEFAULT 'opened' CONSTRAINT finding_change_known
        CHECK (changed_as IN ('opened', 'regressed', 'woken', 'grown', 'overdue', 'resolved')),
    -- The default, the beginning of time, serves the release before this one, which does not know the column.
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00',
    -- What it stood at when it was last told; it grew when it is ten times that.
    ADD COLUMN told_money_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN told_counted bigint NOT NULL DEFAULT 1;

UPDATE findings
SET changed_at = COALESCE(resolved_at, first_seen_at),
    changed_as = CASE WHEN state = 'resolved' THEN 'resolved' ELSE 'opened' END,
    provider = detail ->> 'provider',
    counted = seen,
    orders = CASE WHEN order_id IS NULL THEN 0 ELSE 1 END,
    told_money_minor = money_minor,
    told_counted = seen;

ALTER TABLE findings
    DROP CONSTRAINT finding_state_known,
    ADD CONSTRAINT finding_state_known
        CHECK (state IN ('open', 'acknowledged', 'ignored', 'regressed', 'resolved')),
    -- Nothing is ignored for ever: an end is said, or it would be another way to delete.
    ADD CONSTRAINT finding_ignored_by_somebody_until_an_end CHECK (
        state <> 'ignored'
        OR (
            ignored_by IS NOT NULL
            AND ignored_why IS NOT NULL
            AND COALESCE(ignored_until::text, ignored_until_counted::text, ignored_until_orders::text) IS NOT NULL
        )
    );
-- A difference that returns is linked to the last finding about it.
CREATE INDEX findings_by_fingerprint ON findings (merchant_id, fingerprint, finding_id);
-- Alerts look for what changed, people for what is open, a check for what it found before.
CREATE INDEX findings_by_change ON findings (merchant_id, changed_at);
CREATE INDEX findings_open ON findings (merchant_id, finding_id) WHERE state <> 'resolved';
CREATE INDEX findings_open_by_check ON findings (merchant_id, found_by) WHERE state <> 'resolved' AND found_by IS NOT NULL;

-- What a check of the monitor looked at last. It answers "is anybody looking?", and keeps where a long look goes on.
CREATE TABLE monitor_checks (
    merchant_id text NOT NULL,
    name text NOT NULL,
    ran_at timestamptz NOT NULL,
    -- Everything up to this id, or this name, was looked at.
    mark text,
    found integer NOT NULL DEFAULT 0,
    -- Why the last look failed; NULL: it did not.
    failed_why text,
    failed_at timestamptz,
    CONSTRAINT monitor_check_once PRIMARY KEY (merchant_id, name)
);

-- For each account: when its provider last called back, and the payments that were learnt since without a callback.
CREATE TABLE provider_silences (
    merchant_id text NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    looked_until timestamptz NOT NULL,
    last_callback_at timestamptz,
    first_payment_at timestamptz,
    payments bigint NOT NULL DEFAULT 0 CONSTRAINT silence_payments_not_negative CHECK (payments >= 0),
    CONSTRAINT silence_once_per_account PRIMARY KEY (merchant_id, provider, account)
);

-- How people who wanted to pay were answered, by the minute; written beside the answers and not before them.
CREATE TABLE checkout_counts (
    merchant_id text NOT NULL,
    minute timestamptz NOT NULL,
    outcome text NOT NULL,
    answers bigint NOT NULL CONSTRAINT checkout_count_positive CHECK (answers > 0),
    CONSTRAINT checkout_count_once_per_minute PRIMARY KEY (merchant_id, minute, outcome)
);

-- A provider's event that was told again after it was applied: what repeated processing is counted by.
CREATE TABLE repeats (
    merchant_id text NOT NULL,
    repeat_id uuid NOT NULL,
    event_id uuid NOT NULL,
    order_id uuid,
    at timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, repeat_id)
);
CREATE INDEX repeats_by_order ON repeats (merchant_id, order_id) WHERE order_id IS NOT NULL;

-- Effects that stand still, and those that were tried again, are few among many.
CREATE INDEX effects_stopped ON effects (merchant_id, owed_at) WHERE state IN ('unknown', 'held', 'dead');
CREATE INDEX effects_tried_again ON effects (merchant_id, effect_id) WHERE tries > 1;
