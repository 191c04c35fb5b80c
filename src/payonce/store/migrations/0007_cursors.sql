-- phase: pre
-- Reason: what no webhook told is found in the providers' lists: how far each was read, and where an unfinished walk goes on.

CREATE TABLE cursors (
    merchant_id text NOT NULL,
    provider text NOT NULL,
    account text NOT NULL,
    list text NOT NULL,
    -- By the provider's clock: everything that it made until then was read and stored. Never a time of our own clock.
    read_until timestamptz NOT NULL,
    -- Where a walk goes on that did not come to the list's end; NULL: it did.
    resume_at timestamptz,
    walked_at timestamptz,
    entries_read bigint NOT NULL DEFAULT 0,
    entries_new bigint NOT NULL DEFAULT 0,
    entries_of_others bigint NOT NULL DEFAULT 0,
    CONSTRAINT cursor_once_per_list PRIMARY KEY (merchant_id, provider, account, list)
);

-- Where a provider lists nothing, unpaid attempts are asked about one by one while it answers for them.
CREATE INDEX attempts_unpaid_by_age ON attempts (merchant_id, provider, account, created_at) WHERE state <> 'paid';
