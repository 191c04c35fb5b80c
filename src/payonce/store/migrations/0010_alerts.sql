-- phase: pre
-- Reason: who is told of findings: once for each change and route, in messages that are written before they are sent.
--
-- A change of a finding becomes one alert for each route that wants it. Alerts of a route and kind wait for each other and
-- go out as one message, which a worker claims with a lease before it calls anybody. A message whose outcome nobody knows
-- stays `unknown`. A silence holds alerts back until its end, which is announced.

-- The last change of the finding that alerts were made of.
ALTER TABLE findings ADD COLUMN told_change integer NOT NULL DEFAULT 0;
CREATE INDEX findings_to_tell ON findings (merchant_id, finding_id) WHERE told_change < change;

CREATE TABLE silences (
    merchant_id text NOT NULL,
    silence_id uuid NOT NULL,
    -- What is NULL is held whatever it is.
    kind text,
    severity text,
    provider text,
    order_id uuid,
    author text NOT NULL CONSTRAINT silence_has_an_author CHECK (author <> ''),
    reason text NOT NULL CONSTRAINT silence_has_a_reason CHECK (reason <> ''),
    begins_at timestamptz NOT NULL,
    -- Brought forward when somebody ends it early.
    ends_at timestamptz NOT NULL,
    ended_by text,
    ended_why text,
    announced_at timestamptz,
    PRIMARY KEY (merchant_id, silence_id),
    CONSTRAINT silence_ends_after_it_began CHECK (ends_at >= begins_at),
    CONSTRAINT silence_announced_after_its_end CHECK (announced_at IS NULL OR announced_at >= ends_at)
);
-- Those that hold, and those whose end is to be announced.
CREATE INDEX silences_not_announced ON silences (merchant_id, ends_at) WHERE announced_at IS NULL;

CREATE TABLE alert_messages (
    merchant_id text NOT NULL,
    message_id uuid NOT NULL,
    route text NOT NULL,
    kind text NOT NULL,
    tone text NOT NULL CONSTRAINT alert_message_tone_known CHECK (tone IN ('raised', 'resolved', 'ended')),
    alerts integer NOT NULL CONSTRAINT alert_message_tells_something CHECK (alerts > 0),
    state text NOT NULL CONSTRAINT alert_message_state_known
        CHECK (state IN ('claimed', 'sent', 'failed', 'unknown', 'dead')),
    tries integer NOT NULL DEFAULT 1,
    fence integer NOT NULL DEFAULT 1,
    lease_until timestamptz,
    due_at timestamptz,
    begun_at timestamptz NOT NULL,
    ended_at timestamptz,
    -- What the receiver said, or why nothing is known.
    answer text,
    PRIMARY KEY (merchant_id, message_id),
    CONSTRAINT alert_message_due_while_failed CHECK ((state = 'failed') = (due_at IS NOT NULL)),
    CONSTRAINT alert_message_leased_while_claimed CHECK ((state = 'claimed') = (lease_until IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX alert_messages_open ON alert_messages (merchant_id, state) WHERE state IN ('claimed', 'failed');
CREATE INDEX alert_messages_by_time ON alert_messages (merchant_id, begun_at);

CREATE TABLE alerts (
    merchant_id text NOT NULL,
    alert_id uuid NOT NULL,
    route text NOT NULL,
    -- A finding, or a silence whose end is announced.
    subject text NOT NULL CONSTRAINT alert_subject_known CHECK (subject IN ('finding', 'silence')),
    subject_id uuid NOT NULL,
    change integer NOT NULL,
    changed_as text NOT NULL,
    kind text NOT NULL,
    tone text NOT NULL CONSTRAINT alert_tone_known CHECK (tone IN ('raised', 'resolved', 'ended')),
    state text NOT NULL CONSTRAINT alert_state_known CHECK (state IN ('waiting', 'silenced', 'dropped', 'grouped')),
    silence_id uuid,
    message_id uuid,
    dropped_because text,
    due_at timestamptz,
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, alert_id),
    CONSTRAINT alert_once_per_change_and_route UNIQUE (merchant_id, subject_id, change, route),
    CONSTRAINT alert_of_a_message FOREIGN KEY (merchant_id, message_id)
        REFERENCES alert_messages (merchant_id, message_id),
    CONSTRAINT alert_held_by_a_silence FOREIGN KEY (merchant_id, silence_id)
        REFERENCES silences (merchant_id, silence_id),
    CONSTRAINT alert_due_while_it_waits CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    CONSTRAINT alert_grouped_in_a_message CHECK ((state = 'grouped') = (message_id IS NOT NULL)),
    CONSTRAINT alert_silenced_by_a_silence CHECK ((state = 'silenced') = (silence_id IS NOT NULL)),
    CONSTRAINT alert_dropped_with_a_reason CHECK ((state = 'dropped') = (dropped_because IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX alerts_waiting ON alerts (merchant_id, route, kind, tone) WHERE state = 'waiting';
CREATE INDEX alerts_by_message ON alerts (merchant_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX alerts_by_silence ON alerts (merchant_id, silence_id) WHERE silence_id IS NOT NULL;
