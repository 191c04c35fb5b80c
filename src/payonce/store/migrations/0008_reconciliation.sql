-- phase: pre
-- Reason: the provider's own money records, which days of them were compared with ours, and what did not match.

-- A movement in the provider's books, as its list or its settlement file tells it. Read again it is the same row; one that a
-- newer file of the day no longer has is withdrawn, and kept.
CREATE TABLE money_records (
    merchant_id text NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    record_ref text NOT NULL,
    day date NOT NULL,
    nature text NOT NULL
        CONSTRAINT money_record_nature_known CHECK (nature IN ('charge', 'refund', 'dispute', 'other')),
    kind text NOT NULL,
    object_kind text,
    object_ref text,
    object_minor bigint NOT NULL,
    object_currency text,
    capture_kind text,
    capture_ref text,
    attempt_id uuid,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    currency text NOT NULL,
    occurred_at timestamptz NOT NULL,
    reading integer NOT NULL,
    first_seen_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    -- Whether it is the first record of its object; what comes again is looked at more closely than the rest.
    is_first boolean NOT NULL,
    CONSTRAINT money_record_once PRIMARY KEY (merchant_id, provider, account, record_ref),
    CONSTRAINT money_record_about_an_object_or_other CHECK (
        (nature = 'other') = (object_ref IS NULL)
        AND (object_ref IS NULL) = (object_kind IS NULL)
        AND (object_ref IS NULL) = (object_currency IS NULL)
    )
);
CREATE INDEX money_records_by_object ON money_records (merchant_id, provider, account, object_kind, object_ref)
    WHERE object_ref IS NOT NULL;
CREATE INDEX money_records_by_day ON money_records (merchant_id, provider, account, day, occurred_at, record_ref);

-- A day of an account at its provider. `cursor` is where the current step goes on after a stop; `read_from` and
-- `read_until` are what of the provider's books is known. Closed: read to the end with an overlap on both sides.
CREATE TABLE reconcile_windows (
    merchant_id text NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    day date NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    state text NOT NULL CONSTRAINT reconcile_window_state_known CHECK (
        state IN ('reading', 'comparing_theirs', 'comparing_ours', 'settling', 'finding', 'provisional', 'closed')
    ),
    cursor text,
    fence integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    reading integer NOT NULL DEFAULT 1,
    read_until_wanted timestamptz,
    read_from timestamptz,
    read_until timestamptz,
    news integer NOT NULL DEFAULT 0,
    passes integer NOT NULL DEFAULT 1,
    comparison integer NOT NULL DEFAULT 0,
    rounds integer NOT NULL DEFAULT 0,
    settled integer NOT NULL DEFAULT 0,
    records bigint NOT NULL DEFAULT 0,
    matched bigint NOT NULL DEFAULT 0,
    foreign_records bigint NOT NULL DEFAULT 0,
    trouble text,
    began_at timestamptz NOT NULL,
    compared_at timestamptz,
    CONSTRAINT reconcile_window_once PRIMARY KEY (merchant_id, provider, account, day),
    CONSTRAINT reconcile_window_is_a_day CHECK (to_at > from_at),
    CONSTRAINT reconcile_window_ends_compared CHECK (state NOT IN ('provisional', 'closed') OR compared_at IS NOT NULL)
);
CREATE INDEX reconcile_windows_under_way ON reconcile_windows (merchant_id, day) WHERE state <> 'closed';

-- What moved on a day by currency: theirs by their records, ours by the first time that we saw it.
CREATE TABLE reconcile_sums (
    merchant_id text NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    day date NOT NULL,
    currency text NOT NULL,
    charges bigint NOT NULL,
    gross_minor bigint NOT NULL,
    fees_minor bigint NOT NULL,
    refunds_minor bigint NOT NULL,
    disputes_minor bigint NOT NULL,
    other_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    ours_gross_minor bigint NOT NULL,
    ours_refunds_minor bigint NOT NULL,
    ours_disputes_minor bigint NOT NULL,
    CONSTRAINT reconcile_sum_once PRIMARY KEY (merchant_id, provider, account, day, currency),
    CONSTRAINT reconcile_sum_of_a_window FOREIGN KEY (merchant_id, provider, account, day)
        REFERENCES reconcile_windows (merchant_id, provider, account, day),
    CONSTRAINT reconcile_sum_adds_up CHECK (
        net_minor = gross_minor - fees_minor + refunds_minor + disputes_minor + other_minor
    )
);

-- An object that is not matched. What is matched has no row; a line that became matched is resolved and kept.
CREATE TABLE reconcile_lines (
    merchant_id text NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    day date NOT NULL,
    object_kind text NOT NULL,
    object_ref text NOT NULL,
    nature text NOT NULL,
    class text NOT NULL CONSTRAINT reconcile_line_class_known CHECK (
        class IN ('differs', 'only_there', 'only_here', 'duplicate', 'timing')
    ),
    state text NOT NULL CONSTRAINT reconcile_line_state_known CHECK (state IN ('open', 'resolved')),
    theirs_minor bigint,
    ours_minor bigint,
    currency text NOT NULL,
    ours_currency text,
    records integer NOT NULL,
    capture_kind text,
    capture_ref text,
    order_id uuid,
    attempt_id uuid,
    occurred_at timestamptz NOT NULL,
    comparison integer NOT NULL,
    -- In which comparison the provider was asked about it.
    asked integer NOT NULL DEFAULT 0,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    resolved_at timestamptz,
    CONSTRAINT reconcile_line_once PRIMARY KEY (merchant_id, provider, account, day, object_kind, object_ref),
    CONSTRAINT reconcile_line_of_a_window FOREIGN KEY (merchant_id, provider, account, day)
        REFERENCES reconcile_windows (merchant_id, provider, account, day),
    CONSTRAINT reconcile_line_of_one_side_at_least CHECK (theirs_minor IS NOT NULL OR ours_minor IS NOT NULL)
);
CREATE INDEX reconcile_lines_open ON reconcile_lines (merchant_id, provider, account, object_kind, object_ref)
    WHERE state = 'open';

-- Our side of a day is found by when we saw it first; both columns are written once.
CREATE INDEX captures_by_time ON captures (merchant_id, provider, account, captured_at, kind, ref);
CREATE INDEX returns_by_time ON returns (merchant_id, provider, account, first_seen_at, kind, ref);
