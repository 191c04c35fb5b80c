-- phase: pre
-- Reason: the first schema: orders, attempts, money, the inbox, effects, findings and what shows why.
--
-- A tour. An order is collected by attempts; an attempt owns the provider's references; captures are money that came in
-- through a reference and say how much of it serves the order; a settlement is the one record that an order was paid.
-- Every movement of money is an entry with balanced postings. What providers tell is in events (raw bytes first), known once
-- by event_keys. What is owed to the outside is in effects, each try in deliveries. What does not fit is in findings. Pieces
-- of an item are counted in stock_items, and what an order asks for and has of them in reservations.
-- Every key of a table with a merchant's data begins with merchant_id. Money is bigint in minor units.

CREATE TABLE accounts (
    provider text NOT NULL,
    account text NOT NULL,
    mode text NOT NULL CONSTRAINT account_mode_known CHECK (mode IN ('test', 'live')),
    merchant_id text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT account_belongs_to_one_merchant PRIMARY KEY (provider, account, mode)
);

CREATE TABLE orders (
    merchant_id text NOT NULL,
    order_id uuid NOT NULL,
    reference text NOT NULL,
    purpose text NOT NULL,
    payer_reference text NOT NULL,
    state text NOT NULL CONSTRAINT order_state_known CHECK (state IN ('waiting', 'open', 'paid', 'closed')),
    amount_minor bigint NOT NULL CONSTRAINT order_amount_not_negative CHECK (amount_minor >= 0),
    currency text NOT NULL CONSTRAINT order_currency_is_iso CHECK (currency ~ '^[A-Z]{3}$'),
    received_minor bigint NOT NULL DEFAULT 0 CONSTRAINT order_received_not_negative CHECK (received_minor >= 0),
    allocated_minor bigint NOT NULL DEFAULT 0,
    refunded_minor bigint NOT NULL DEFAULT 0 CONSTRAINT order_refunded_not_negative CHECK (refunded_minor >= 0),
    disputed_minor bigint NOT NULL DEFAULT 0 CONSTRAINT order_disputed_not_negative CHECK (disputed_minor >= 0),
    token text NOT NULL,
    success_url text NOT NULL,
    cancel_url text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    opened_at timestamptz,
    paid_at timestamptz,
    closed_at timestamptz,
    closed_reason text,
    close_because text,
    released_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    -- Whether it has reservations, so that nobody looks for stock where there is none.
    has_items boolean NOT NULL DEFAULT false,
    PRIMARY KEY (merchant_id, order_id),
    CONSTRAINT order_reference_once UNIQUE (merchant_id, reference),
    CONSTRAINT order_token_once UNIQUE (merchant_id, token),
    CONSTRAINT order_allocated_within_amount CHECK (allocated_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT order_paid_means_covered CHECK (state <> 'paid' OR (allocated_minor = amount_minor AND paid_at IS NOT NULL)),
    CONSTRAINT order_closed_has_a_reason CHECK (state <> 'closed' OR (closed_reason IS NOT NULL AND closed_at IS NOT NULL)),
    CONSTRAINT order_open_since CHECK (state <> 'open' OR opened_at IS NOT NULL),
    CONSTRAINT order_released_only_when_paid CHECK (released_at IS NULL OR state = 'paid')
) WITH (fillfactor = 80);
-- Of a purpose, one order is open or paid (until it is expressly released), and one may wait behind it.
CREATE UNIQUE INDEX order_purpose_held_once ON orders (merchant_id, purpose)
    WHERE state = 'open' OR (state = 'paid' AND released_at IS NULL);
CREATE UNIQUE INDEX order_purpose_waits_once ON orders (merchant_id, purpose) WHERE state = 'waiting';
-- All orders of a purpose are loaded together, and the newest is found by its id (UUIDv7).
CREATE INDEX orders_by_purpose ON orders (merchant_id, purpose, order_id);
-- The closing of old open orders looks for them by age.
CREATE INDEX orders_open_by_age ON orders (merchant_id, opened_at) WHERE state IN ('open', 'waiting');

-- Personal data of payers, apart, so that it can be erased while the order and its ledger stay.
CREATE TABLE payers (
    merchant_id text NOT NULL,
    order_id uuid NOT NULL,
    email text,
    name text,
    PRIMARY KEY (merchant_id, order_id),
    CONSTRAINT payer_of_an_order FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, order_id)
);

CREATE TABLE attempts (
    merchant_id text NOT NULL,
    attempt_id uuid NOT NULL,
    order_id uuid NOT NULL,
    purpose text NOT NULL,
    number integer NOT NULL CONSTRAINT attempt_number_positive CHECK (number > 0),
    provider text NOT NULL,
    account text NOT NULL,
    flow text NOT NULL,
    state text NOT NULL CONSTRAINT attempt_state_known CHECK (state IN
        ('creating', 'open', 'pending', 'closing', 'in_doubt', 'paid', 'failed', 'closed', 'abandoned')),
    amount_minor bigint NOT NULL CONSTRAINT attempt_amount_positive CHECK (amount_minor > 0),
    currency text NOT NULL,
    request_method text NOT NULL,
    request_path text NOT NULL,
    request_body bytea NOT NULL,
    request_key text NOT NULL,
    request_version text NOT NULL,
    fence integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    handle_kind text,
    handle_ref text,
    url text,
    client_secret text,
    expires_at timestamptz,
    disclosed_at timestamptz,
    consent_at timestamptz,
    close_because text,
    decline text,
    needs_action boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    opened_at timestamptz,
    sent_at timestamptz,
    asked_at timestamptz,
    instructions jsonb,
    -- Until when it is asked about though it ended, because money still comes afterwards at its provider.
    watch_until timestamptz,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, attempt_id),
    CONSTRAINT attempt_of_an_order FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, order_id),
    CONSTRAINT attempt_number_once UNIQUE (merchant_id, order_id, number),
    CONSTRAINT attempt_abandoned_undisclosed_or_with_consent
        CHECK (state <> 'abandoned' OR disclosed_at IS NULL OR consent_at IS NOT NULL)
) WITH (fillfactor = 80);
-- Of a purpose, at most one attempt may be payable.
CREATE UNIQUE INDEX attempt_one_live_per_purpose ON attempts (merchant_id, purpose)
    WHERE state IN ('creating', 'open', 'pending', 'closing', 'in_doubt');
-- Attempts that someone must ask about are found by when that was last done.
CREATE INDEX attempts_to_ask ON attempts (merchant_id, asked_at)
    WHERE state IN ('creating', 'open', 'pending', 'closing', 'in_doubt', 'abandoned');

CREATE INDEX attempts_to_watch ON attempts (merchant_id, watch_until) WHERE watch_until IS NOT NULL;

CREATE TABLE provider_refs (
    merchant_id text NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    kind text NOT NULL,
    ref text NOT NULL,
    attempt_id uuid NOT NULL,
    order_id uuid NOT NULL,
    -- A provider's object serves one attempt and so one order, for ever.
    CONSTRAINT reference_serves_one_attempt PRIMARY KEY (merchant_id, provider, account, kind, ref),
    CONSTRAINT reference_of_an_attempt FOREIGN KEY (merchant_id, attempt_id) REFERENCES attempts (merchant_id, attempt_id)
);
CREATE INDEX provider_refs_by_order ON provider_refs (merchant_id, order_id);

CREATE TABLE captures (
    merchant_id text NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    kind text NOT NULL,
    ref text NOT NULL,
    attempt_id uuid NOT NULL,
    order_id uuid NOT NULL,
    currency text NOT NULL,
    captured_minor bigint NOT NULL CONSTRAINT capture_positive CHECK (captured_minor > 0),
    allocated_minor bigint NOT NULL CONSTRAINT capture_allocated_not_negative CHECK (allocated_minor >= 0),
    surplus_minor bigint NOT NULL CONSTRAINT capture_surplus_not_negative CHECK (surplus_minor >= 0),
    is_confirmed boolean NOT NULL,
    captured_at timestamptz NOT NULL,
    -- What our own refunds ask or took of it; the check says a second time that they never exceed what came.
    refunds_minor bigint NOT NULL DEFAULT 0 CONSTRAINT capture_refunds_not_negative CHECK (refunds_minor >= 0),
    -- What the payer really sent, where that is no ISO currency, and the rule by which it counts as this money.
    paid_in_asset text,
    paid_in_amount numeric,
    paid_in_rule text,
    PRIMARY KEY (merchant_id, provider, account, kind, ref),
    CONSTRAINT capture_of_a_reference FOREIGN KEY (merchant_id, provider, account, kind, ref)
        REFERENCES provider_refs (merchant_id, provider, account, kind, ref),
    CONSTRAINT capture_of_an_order FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, order_id),
    CONSTRAINT capture_serves_no_more_than_it_brought CHECK (allocated_minor + surplus_minor <= captured_minor),
    CONSTRAINT capture_refunds_no_more_than_it_brought CHECK (refunds_minor <= captured_minor),
    CONSTRAINT capture_paid_in_whole CHECK (
        (paid_in_asset IS NULL) = (paid_in_amount IS NULL) AND (paid_in_asset IS NULL) = (paid_in_rule IS NULL)
    )
) WITH (fillfactor = 80);
CREATE INDEX captures_by_order ON captures (merchant_id, order_id);

CREATE TABLE settlements (
    merchant_id text NOT NULL,
    order_id uuid NOT NULL,
    attempt_id uuid,
    provider text,
    account text,
    kind text,
    ref text,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    settled_at timestamptz NOT NULL,
    CONSTRAINT settlement_once_per_order PRIMARY KEY (merchant_id, order_id),
    CONSTRAINT settlement_of_an_order FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, order_id),
    -- One capture settles one order (a capture is of one order already; this says it a second time).
    CONSTRAINT capture_settles_once UNIQUE (merchant_id, provider, account, kind, ref),
    CONSTRAINT settlement_by_a_capture_or_of_nothing CHECK ((amount_minor = 0) = (ref IS NULL))
);

CREATE TABLE entries (
    merchant_id text NOT NULL,
    entry_id uuid NOT NULL,
    cause text NOT NULL,
    order_id uuid NOT NULL,
    currency text NOT NULL,
    posted_at timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, entry_id),
    CONSTRAINT entry_once_per_cause UNIQUE (merchant_id, cause),
    CONSTRAINT entry_of_an_order FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, order_id)
);
CREATE INDEX entries_by_order ON entries (merchant_id, order_id);

CREATE TABLE postings (
    merchant_id text NOT NULL,
    entry_id uuid NOT NULL,
    line smallint NOT NULL,
    account text NOT NULL,
    amount_minor bigint NOT NULL CONSTRAINT posting_moves_something CHECK (amount_minor <> 0),
    PRIMARY KEY (merchant_id, entry_id, line),
    CONSTRAINT posting_of_an_entry FOREIGN KEY (merchant_id, entry_id) REFERENCES entries (merchant_id, entry_id)
);

CREATE TABLE returns (
    merchant_id text NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    kind text NOT NULL,
    ref text NOT NULL,
    nature text NOT NULL CONSTRAINT return_nature_known CHECK (nature IN ('refund', 'dispute')),
    capture_kind text NOT NULL,
    capture_ref text NOT NULL,
    attempt_id uuid NOT NULL,
    order_id uuid NOT NULL,
    status text NOT NULL,
    amount_minor bigint NOT NULL CONSTRAINT return_amount_not_negative CHECK (amount_minor >= 0),
    returned_minor bigint NOT NULL,
    currency text NOT NULL,
    -- Our refund that this is the echo of; NULL: others sent the money back.
    refund_id uuid,
    first_seen_at timestamptz NOT NULL,
    CONSTRAINT return_once_per_reference PRIMARY KEY (merchant_id, provider, account, kind, ref),
    CONSTRAINT return_of_an_order FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, order_id),
    CONSTRAINT return_within_its_amount CHECK (returned_minor BETWEEN 0 AND amount_minor)
);
CREATE INDEX returns_by_order ON returns (merchant_id, order_id);

-- Money that we send back. The row comes before the call, and its id is the provider's key.
CREATE TABLE refunds (
    merchant_id text NOT NULL,
    refund_id uuid NOT NULL,
    order_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    capture_kind text NOT NULL,
    capture_ref text NOT NULL,
    serves text NOT NULL CONSTRAINT refund_serves_known CHECK (serves IN ('surplus', 'order')),
    state text NOT NULL CONSTRAINT refund_state_known CHECK (state IN
        ('planned', 'due', 'sending', 'in_doubt', 'sent', 'succeeded', 'failed', 'cancelled')),
    amount_minor bigint NOT NULL CONSTRAINT refund_amount_positive CHECK (amount_minor > 0),
    currency text NOT NULL,
    reason text NOT NULL,
    asked_by text NOT NULL,
    staged_minor bigint NOT NULL CONSTRAINT refund_staged_whole CHECK (staged_minor IN (0, amount_minor)),
    ref_kind text,
    ref text,
    fence integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    due_at timestamptz,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    asked_at timestamptz,
    ended_at timestamptz,
    decline text,
    version integer NOT NULL DEFAULT 1,
    request_method text,
    request_path text,
    request_body bytea,
    request_key text,
    request_version text,
    PRIMARY KEY (merchant_id, refund_id),
    CONSTRAINT refund_of_a_capture FOREIGN KEY (merchant_id, provider, account, capture_kind, capture_ref)
        REFERENCES captures (merchant_id, provider, account, kind, ref),
    CONSTRAINT refund_sent_with_its_request CHECK (state NOT IN ('sending', 'in_doubt') OR request_body IS NOT NULL)
) WITH (fillfactor = 80);
-- A provider's refund is the echo of one row.
CREATE UNIQUE INDEX refund_reference_once ON refunds (merchant_id, provider, account, ref_kind, ref)
    WHERE ref IS NOT NULL;
CREATE INDEX refunds_by_order ON refunds (merchant_id, order_id);
-- The worker looks for what is to be sent, asked about or followed; all else has no due time.
CREATE INDEX refunds_to_do ON refunds (merchant_id, due_at) WHERE due_at IS NOT NULL;
-- People page through all refunds, the newest first, and through those of one state.
CREATE INDEX refunds_by_state ON refunds (merchant_id, state, refund_id);

-- How much went back by itself on one day (UTC), so that the limit of a day holds for all workers at once.
CREATE TABLE refund_days (
    merchant_id text NOT NULL,
    day date NOT NULL,
    currency text NOT NULL,
    automatic_minor bigint NOT NULL CONSTRAINT refund_day_not_negative CHECK (automatic_minor >= 0),
    -- The limit by which the last one was let go.
    limit_minor bigint NOT NULL,
    PRIMARY KEY (merchant_id, day, currency),
    CONSTRAINT refund_day_within_limit CHECK (automatic_minor <= limit_minor)
);

-- Small and kept for ever: an event is known once, whatever becomes of its body.
CREATE TABLE event_keys (
    merchant_id text NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    event_key text NOT NULL,
    event_id uuid NOT NULL,
    body_hash bytea NOT NULL,
    CONSTRAINT event_known_once PRIMARY KEY (merchant_id, provider, account, event_key)
);

CREATE TABLE events (
    merchant_id text NOT NULL,
    event_id uuid NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    source text NOT NULL,
    event_key text NOT NULL,
    type text NOT NULL,
    state text NOT NULL CONSTRAINT event_state_known
        CHECK (state IN ('received', 'applied', 'ignored', 'failed', 'quarantined')),
    reason text NOT NULL,
    order_id uuid,
    attempt_id uuid,
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    received_at timestamptz NOT NULL,
    occurred_at timestamptz,
    request_id text,
    trace_id text,
    body bytea NOT NULL,
    PRIMARY KEY (merchant_id, event_id)
);
CREATE INDEX events_due ON events (merchant_id, next_try_at) WHERE state IN ('received', 'failed');
CREATE INDEX events_by_order ON events (merchant_id, order_id) WHERE order_id IS NOT NULL;

CREATE TABLE effects (
    merchant_id text NOT NULL,
    effect_id uuid NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    occasion text NOT NULL,
    nature text NOT NULL CONSTRAINT effect_nature_known CHECK (nature IN ('fulfilment', 'notification')),
    order_id uuid NOT NULL,
    state text NOT NULL CONSTRAINT effect_state_known
        CHECK (state IN ('pending', 'claimed', 'done', 'failed', 'unknown', 'suppressed', 'held', 'dead')),
    reason text,
    tries integer NOT NULL DEFAULT 0,
    fence integer NOT NULL DEFAULT 0,
    due_at timestamptz,
    lease_until timestamptz,
    owed_at timestamptz NOT NULL,
    done_at timestamptz,
    PRIMARY KEY (merchant_id, effect_id),
    CONSTRAINT effect_once_per_key UNIQUE (merchant_id, key),
    CONSTRAINT effect_of_an_order FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, order_id),
    CONSTRAINT effect_due_while_open CHECK ((state IN ('pending', 'failed')) = (due_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX effects_due ON effects (merchant_id, due_at) WHERE state IN ('pending', 'failed');
CREATE INDEX effects_claimed ON effects (merchant_id, lease_until) WHERE state = 'claimed';
CREATE INDEX effects_by_order ON effects (merchant_id, order_id);

CREATE TABLE deliveries (
    merchant_id text NOT NULL,
    effect_id uuid NOT NULL,
    try_number integer NOT NULL,
    fence integer NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text NOT NULL CONSTRAINT delivery_outcome_known
        CHECK (outcome IN ('begun', 'accepted', 'refused', 'unknown')),
    answer text,
    CONSTRAINT delivery_once_per_try PRIMARY KEY (merchant_id, effect_id, try_number),
    CONSTRAINT delivery_of_an_effect FOREIGN KEY (merchant_id, effect_id) REFERENCES effects (merchant_id, effect_id)
);
