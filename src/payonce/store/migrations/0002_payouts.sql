-- phase: pre
-- Reason: what others are to get of the money of an order: who, how much, and by which payout.
--
-- A share is the wish, placed with the order. An accrual is what the payee is owed since the order was paid: one row for
-- each order and payee, whatever is told how often. Accruals are covered by a payout, which the application pays. Whoever
-- writes an accrual holds its order's row; whoever makes a payout holds the payee's row besides.

CREATE TABLE order_payouts (
    merchant_id text NOT NULL,
    order_id uuid NOT NULL,
    payee text NOT NULL,
    amount_minor bigint NOT NULL CONSTRAINT share_positive CHECK (amount_minor > 0),
    CONSTRAINT share_once_per_payee PRIMARY KEY (merchant_id, order_id, payee),
    CONSTRAINT share_of_an_order FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, order_id)
);

-- Locked while a payout is made, so that two workers do not cover the same accruals.
CREATE TABLE payees (
    merchant_id text NOT NULL,
    payee text NOT NULL,
    last_number integer NOT NULL DEFAULT 0,
    PRIMARY KEY (merchant_id, payee)
);

CREATE TABLE payouts (
    merchant_id text NOT NULL,
    payout_id uuid NOT NULL,
    payee text NOT NULL,
    number integer NOT NULL CONSTRAINT payout_number_positive CHECK (number > 0),
    currency text NOT NULL,
    -- What its accruals bring, and what earlier payouts paid too much (below zero) or too little.
    gross_minor bigint NOT NULL CONSTRAINT payout_gross_not_negative CHECK (gross_minor >= 0),
    carried_minor bigint NOT NULL,
    amount_minor bigint NOT NULL CONSTRAINT payout_positive CHECK (amount_minor > 0),
    -- The order by which it was completed; its effect belongs to it.
    order_id uuid NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, payout_id),
    CONSTRAINT payout_number_once UNIQUE (merchant_id, payee, number),
    CONSTRAINT payout_of_an_order FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, order_id),
    CONSTRAINT payout_adds_up CHECK (amount_minor = gross_minor + carried_minor)
);
CREATE INDEX payouts_by_payee ON payouts (merchant_id, payee, currency) WHERE carried_minor <> 0;

CREATE TABLE accruals (
    merchant_id text NOT NULL,
    accrual_id uuid NOT NULL,
    order_id uuid NOT NULL,
    payee text NOT NULL,
    currency text NOT NULL,
    state text NOT NULL CONSTRAINT accrual_state_known CHECK (state IN ('accrued', 'held', 'paid_out', 'reversed')),
    held_because text,
    amount_minor bigint NOT NULL CONSTRAINT accrual_positive CHECK (amount_minor > 0),
    -- What of it is taken back because money of the order went back.
    reversed_minor bigint NOT NULL DEFAULT 0,
    payout_number integer,
    paid_minor bigint,
    accrued_at timestamptz NOT NULL,
    version integer NOT NULL DEFAULT 1,
    -- One payment accrues once for a payee, however often it is told (E10).
    CONSTRAINT accrual_once_per_payment PRIMARY KEY (merchant_id, order_id, payee),
    CONSTRAINT accrual_of_a_share FOREIGN KEY (merchant_id, order_id, payee)
        REFERENCES order_payouts (merchant_id, order_id, payee),
    CONSTRAINT accrual_of_a_payout FOREIGN KEY (merchant_id, payee, payout_number)
        REFERENCES payouts (merchant_id, payee, number),
    CONSTRAINT accrual_reversed_within_its_amount CHECK (reversed_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT accrual_held_with_a_reason CHECK ((state = 'held') = (held_because IS NOT NULL)),
    CONSTRAINT accrual_paid_by_a_payout CHECK (
        (state = 'paid_out') = (payout_number IS NOT NULL) AND (state = 'paid_out') = (paid_minor IS NOT NULL)
    )
) WITH (fillfactor = 80);
-- What is not paid out yet, and what was paid otherwise than it stands now.
CREATE INDEX accruals_to_pay ON accruals (merchant_id, payee, currency) WHERE state IN ('accrued', 'held');
CREATE INDEX accruals_to_settle ON accruals (merchant_id, payee, currency)
    WHERE state = 'paid_out' AND amount_minor - reversed_minor <> paid_minor;
CREATE INDEX accruals_by_payout ON accruals (merchant_id, payee, payout_number);
