-- The floor: the rows that payonce writes for one settled event, written by the server alone, in the very same tables.
-- Nothing is verified, parsed, decided, compared or refused beyond what the tables themselves refuse.
CREATE FUNCTION bench_body() RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT BODY_OF_A_LETTER::bytea $$;

-- Floor E: one event, one call, one commit. Returns 1 where it was settled.
CREATE FUNCTION floor_one(n bigint) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    number CONSTANT text := lpad(n::text, 24, '0');
    v_event CONSTANT uuid := uuidv7();
    v_entry CONSTANT uuid := uuidv7();
    v_attempt uuid;
    v_order uuid;
BEGIN
    INSERT INTO event_keys (merchant_id, provider, account, event_key, event_id, body_hash)
    VALUES ('default', 'stripe', 'main', 'evt_' || number, v_event, sha256(bench_body()))
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    SELECT attempt_id, order_id INTO v_attempt, v_order FROM provider_refs
    WHERE merchant_id = 'default' AND provider = 'stripe' AND account = 'main' AND kind = 'payment_intent'
        AND ref = 'pi_' || number;
    PERFORM 1 FROM orders WHERE merchant_id = 'default' AND order_id = v_order AND state = 'open' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM 1 FROM attempts WHERE merchant_id = 'default' AND attempt_id = v_attempt AND state = 'open' FOR UPDATE;
    INSERT INTO provider_refs (merchant_id, provider, account, kind, ref, attempt_id, order_id)
    VALUES ('default', 'stripe', 'main', 'charge', 'ch_' || number, v_attempt, v_order);
    INSERT INTO captures (
        merchant_id, provider, account, kind, ref, attempt_id, order_id, currency, captured_minor, allocated_minor,
        surplus_minor, is_confirmed, captured_at
    )
    VALUES (
        'default', 'stripe', 'main', 'payment_intent', 'pi_' || number, v_attempt, v_order, 'USD', 4500, 4500, 0, false,
        now()
    );
    UPDATE orders
    SET state = 'paid', received_minor = 4500, allocated_minor = 4500, paid_at = now(), version = version + 1
    WHERE merchant_id = 'default' AND order_id = v_order;
    UPDATE attempts SET state = 'paid', version = version + 1
    WHERE merchant_id = 'default' AND attempt_id = v_attempt;
    INSERT INTO settlements (
        merchant_id, order_id, attempt_id, provider, account, kind, ref, amount_minor, currency, settled_at
    )
    VALUES (
        'default', v_order, v_attempt, 'stripe', 'main', 'payment_intent', 'pi_' || number, 4500, 'USD', now()
    );
    INSERT INTO entries (merchant_id, entry_id, cause, order_id, currency, posted_at)
    VALUES (
        'default', v_entry, 'capture:stripe:main:payment_intent:pi_' || number || ':4500', v_order, 'USD', now()
    );
    INSERT INTO postings (merchant_id, entry_id, line, account, amount_minor)
    VALUES ('default', v_entry, 1, 'clearing:stripe:main', 4500), ('default', v_entry, 2, 'orders', -4500);
    INSERT INTO effects (
        merchant_id, effect_id, key, kind, occasion, nature, order_id, state, due_at, owed_at, happened_at, caused_by
    )
    VALUES (
        'default', uuidv7(), replace(v_order::text, '-', '') || ':paid:webhook.order.paid', 'webhook.order.paid',
        'order.paid', 'fulfilment', v_order, 'pending', now(), now(), now(), 'webhook:evt_' || number
    );
    INSERT INTO audit (merchant_id, audit_id, at, actor, subject, subject_id, source, event, target, cause)
    VALUES
        ('default', uuidv7(), now(), 'webhook', 'attempt', v_attempt, 'open', 'paid', 'paid', 'webhook:evt_' || number),
        ('default', uuidv7(), now(), 'webhook', 'order', v_order, 'open', 'covered', 'paid', 'webhook:evt_' || number);
    INSERT INTO events (
        merchant_id, event_id, provider, account, source, event_key, type, state, reason, order_id, attempt_id,
        tries, received_at, occurred_at, request_id, trace_id, body
    )
    VALUES (
        'default', v_event, 'stripe', 'main', 'webhook', 'evt_' || number, 'payment_intent.succeeded', 'applied',
        'captured', v_order, v_attempt, 1, now(), now(), 'req_01k8m3f2v7e6nbqk4t0x9y5z2a', '', bench_body()
    );
    RETURN 1;
END $$;

-- Floor S: so many events at once, one statement, one commit. Returns how many were settled.
CREATE FUNCTION floor_set(first bigint, many bigint, body bytea DEFAULT bench_body()) RETURNS bigint LANGUAGE sql AS $$
    WITH asked AS MATERIALIZED (
        SELECT lpad(n::text, 24, '0') AS number, uuidv7() AS event_id, uuidv7() AS entry_id
        FROM generate_series(first, first + many - 1) AS n
    ),
    keys AS (
        INSERT INTO event_keys (merchant_id, provider, account, event_key, event_id, body_hash)
        SELECT 'default', 'stripe', 'main', 'evt_' || number, event_id, sha256(body) FROM asked ORDER BY 4
        ON CONFLICT DO NOTHING
    ),
    found AS MATERIALIZED (
        SELECT asked.*, r.attempt_id, r.order_id
        FROM asked
        JOIN provider_refs AS r
            ON r.merchant_id = 'default' AND r.provider = 'stripe' AND r.account = 'main' AND r.kind = 'payment_intent'
            AND r.ref = 'pi_' || number
        JOIN orders AS o ON o.merchant_id = 'default' AND o.order_id = r.order_id AND o.state = 'open'
        JOIN attempts AS a ON a.merchant_id = 'default' AND a.attempt_id = r.attempt_id AND a.state = 'open'
        ORDER BY r.order_id
        FOR UPDATE OF o, a
    ),
    refs AS (
        INSERT INTO provider_refs (merchant_id, provider, account, kind, ref, attempt_id, order_id)
        SELECT 'default', 'stripe', 'main', 'charge', 'ch_' || number, attempt_id, order_id FROM found
    ),
    money AS (
        INSERT INTO captures (
            merchant_id, provider, account, kind, ref, attempt_id, order_id, currency, captured_minor, allocated_minor,
            surplus_minor, is_confirmed, captured_at
        )
        SELECT 'default', 'stripe', 'main', 'payment_intent', 'pi_' || number, attempt_id, order_id, 'USD', 4500, 4500,
            0, false, now()
        FROM found
    ),
    paid AS (
        UPDATE orders AS o
        SET state = 'paid', received_minor = 4500, allocated_minor = 4500, paid_at = now(), version = o.version + 1
        FROM found
        WHERE o.merchant_id = 'default' AND o.order_id = found.order_id
        RETURNING 1
    ),
    tried AS (
        UPDATE attempts AS a SET state = 'paid', version = a.version + 1
        FROM found
        WHERE a.merchant_id = 'default' AND a.attempt_id = found.attempt_id
    ),
    settled AS (
        INSERT INTO settlements (
            merchant_id, order_id, attempt_id, provider, account, kind, ref, amount_minor, currency, settled_at
        )
        SELECT 'default', order_id, attempt_id, 'stripe', 'main', 'payment_intent', 'pi_' || number, 4500, 'USD', now()
        FROM found
    ),
    booked AS (
        INSERT INTO entries (merchant_id, entry_id, cause, order_id, currency, posted_at)
        SELECT 'default', entry_id, 'capture:stripe:main:payment_intent:pi_' || number || ':4500', order_id, 'USD', now()
        FROM found
    ),
    posted AS (
        INSERT INTO postings (merchant_id, entry_id, line, account, amount_minor)
        SELECT 'default', entry_id, line, account, amount
        FROM found
        CROSS JOIN (VALUES (1::smallint, 'clearing:stripe:main', 4500), (2::smallint, 'orders', -4500))
            AS lines (line, account, amount)
    ),
    owed AS (
        INSERT INTO effects (
            merchant_id, effect_id, key, kind, occasion, nature, order_id, state, due_at, owed_at, happened_at, caused_by
        )
        SELECT 'default', uuidv7(), replace(order_id::text, '-', '') || ':paid:webhook.order.paid', 'webhook.order.paid',
            'order.paid', 'fulfilment', order_id, 'pending', now(), now(), now(), 'webhook:evt_' || number
        FROM found
    ),
    noted AS (
        INSERT INTO audit (merchant_id, audit_id, at, actor, subject, subject_id, source, event, target, cause)
        SELECT 'default', uuidv7(), now(), 'webhook', subject,
            CASE subject WHEN 'order' THEN order_id ELSE attempt_id END, 'open', event, 'paid', 'webhook:evt_' || number
        FROM found
        CROSS JOIN (VALUES ('attempt', 'paid'), ('order', 'covered')) AS steps (subject, event)
    ),
    kept AS (
        INSERT INTO events (
            merchant_id, event_id, provider, account, source, event_key, type, state, reason, order_id, attempt_id,
            tries, received_at, occurred_at, request_id, trace_id, body
        )
        SELECT 'default', event_id, 'stripe', 'main', 'webhook', 'evt_' || number, 'payment_intent.succeeded', 'applied',
            'captured', order_id, attempt_id, 1, now(), now(), 'req_01k8m3f2v7e6nbqk4t0x9y5z2a', '', body
        FROM found
    )
    SELECT count(*) FROM paid
$$;
