-- phase: pre
-- Reason: what does not fit, what shows why, and who called: findings, audit, receipts, evidence, requests and keys.

CREATE TABLE findings (
    merchant_id text NOT NULL,
    finding_id uuid NOT NULL,
    kind text NOT NULL,
    fingerprint text NOT NULL,
    severity text NOT NULL,
    owner text NOT NULL,
    state text NOT NULL CONSTRAINT finding_state_known CHECK (state IN ('open', 'acknowledged', 'resolved')),
    order_id uuid,
    money_minor bigint NOT NULL,
    currency text,
    detail jsonb NOT NULL,
    seen integer NOT NULL DEFAULT 1,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    deadline_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_why text,
    PRIMARY KEY (merchant_id, finding_id)
);
CREATE UNIQUE INDEX finding_open_once_per_fingerprint ON findings (merchant_id, fingerprint) WHERE state <> 'resolved';
CREATE INDEX findings_by_order ON findings (merchant_id, order_id) WHERE order_id IS NOT NULL;

-- Every move along an arrow, and every act of a person: who, what, why.
CREATE TABLE audit (
    merchant_id text NOT NULL,
    audit_id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    subject text NOT NULL,
    subject_id uuid NOT NULL,
    source text NOT NULL,
    event text NOT NULL,
    target text NOT NULL,
    cause text NOT NULL,
    PRIMARY KEY (merchant_id, audit_id)
);
CREATE INDEX audit_by_subject ON audit (merchant_id, subject_id);

-- An answer that says "already done" comes only from a transaction that wrote: this is what it wrote.
CREATE TABLE receipts (
    merchant_id text NOT NULL,
    receipt_id uuid NOT NULL,
    order_id uuid NOT NULL,
    answer text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, receipt_id)
);

-- Who called what, kept as evidence for a while; personal data, and never a state.
CREATE TABLE evidence (
    merchant_id text NOT NULL,
    evidence_id uuid NOT NULL,
    order_id uuid NOT NULL,
    at timestamptz NOT NULL,
    call text NOT NULL,
    address text,
    user_agent text,
    referer text,
    answer integer,
    PRIMARY KEY (merchant_id, evidence_id)
);
CREATE INDEX evidence_by_order ON evidence (merchant_id, order_id);

CREATE TABLE api_requests (
    merchant_id text NOT NULL,
    idempotency_key text NOT NULL,
    fingerprint bytea NOT NULL,
    route text NOT NULL,
    state text NOT NULL CONSTRAINT api_request_state_known CHECK (state IN ('running', 'done')),
    lease_until timestamptz NOT NULL,
    fence integer NOT NULL DEFAULT 1,
    order_id uuid,
    status integer,
    answer bytea,
    created_at timestamptz NOT NULL,
    CONSTRAINT idempotency_key_once PRIMARY KEY (merchant_id, idempotency_key)
);

-- Keys belong to the installation: the key says which merchant calls.
CREATE TABLE api_keys (
    key_hash bytea PRIMARY KEY,
    merchant_id text NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
