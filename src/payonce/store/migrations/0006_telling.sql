-- phase: pre
-- Reason: every message can name the run and the cause that produced it, a run keeps within its caps, and siblings are found.

-- `happened_at`: when what is told of happened at the provider, which may be long before it was recorded (A5).
ALTER TABLE effects
    ADD COLUMN happened_at timestamptz,
    ADD COLUMN run_id uuid,
    ADD COLUMN caused_by text NOT NULL DEFAULT '';
-- What a run owes and told is counted from its rows (A9).
CREATE INDEX effects_by_run ON effects (merchant_id, run_id) WHERE run_id IS NOT NULL;

ALTER TABLE audit ADD COLUMN run_id uuid;
CREATE INDEX audit_by_run ON audit (merchant_id, run_id) WHERE run_id IS NOT NULL;

-- When its provider last answered about an attempt and it was not paid: what is found paid later was not so before.
ALTER TABLE attempts ADD COLUMN seen_at timestamptz;

-- How much a run has taken up and how many it would tell, counted in the transactions that do it, so that no rerun, no
-- crash and no batch leads beyond a cap (S18). It belongs to the installation, like the run.
CREATE TABLE run_tallies (
    run_id uuid NOT NULL,
    job text NOT NULL,
    touched bigint NOT NULL,
    messages bigint NOT NULL,
    most_touched bigint,
    most_messages bigint,
    -- What its job usually does, by which its limits were set; NULL where that was not known yet.
    usual_touched bigint,
    usual_messages bigint,
    at timestamptz NOT NULL,
    PRIMARY KEY (run_id),
    CONSTRAINT run_touches_no_more_than_its_cap CHECK (most_touched IS NULL OR touched <= most_touched),
    CONSTRAINT run_tells_no_more_than_its_cap CHECK (most_messages IS NULL OR messages <= most_messages)
) WITH (fillfactor = 50);
CREATE INDEX run_tallies_by_job ON run_tallies (job, at);

-- Orders that share a provider's payment or a payer are found before a job acts on one of them (A2).
CREATE INDEX attempts_by_handle ON attempts (merchant_id, provider, account, handle_ref) WHERE handle_ref IS NOT NULL;
CREATE INDEX orders_by_payer ON orders (merchant_id, payer_reference);
