-- Set-based: orders that wait for their money, as a checkout by a payment intent leaves them. Of the first to the last number.
-- Ids are UUIDv7 by their looks, rising with the number, as those that the application makes.
CREATE FUNCTION bench_id(kind integer, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(1760000000000 + n), 12, '0') || '7' || lpad(to_hex(kind), 3, '0') || '8'
        || substr(md5(kind || ':' || n), 1, 15))::uuid
$$;

CREATE PROCEDURE bench_orders(
    first bigint, last bigint, merchant text DEFAULT 'default', account text DEFAULT 'main'
) LANGUAGE sql AS $$
    INSERT INTO orders (
        merchant_id, order_id, reference, purpose, payer_reference, state, amount_minor, currency, token, success_url,
        cancel_url, created_at, opened_at
    )
    SELECT merchant, bench_id(1, n), 'R-' || n, 'fee:' || n || ':2026-05', 'player-' || n, 'open', 4500, 'USD',
        substr(md5('token:' || n), 1, 26), 'https://shop.example/thanks', 'https://shop.example/basket', now(), now()
    FROM generate_series(first, last) AS n;

    INSERT INTO attempts (
        merchant_id, attempt_id, order_id, purpose, number, provider, account, flow, state, amount_minor, currency,
        request_method, request_path, request_body, request_key, request_version, fence, handle_kind, handle_ref,
        client_secret, disclosed_at, created_at, opened_at, sent_at, asked_at
    )
    SELECT merchant, bench_id(2, n), bench_id(1, n), 'fee:' || n || ':2026-05', 1, 'stripe', account, 'payment_intent',
        'open', 4500, 'USD', 'POST', '/v1/payment_intents',
        convert_to('amount=4500&currency=usd&metadata[payonce_attempt]=' || bench_id(2, n)
            || '&metadata[payonce_order]=' || bench_id(1, n) || '&automatic_payment_methods[enabled]=true', 'UTF8'),
        bench_id(2, n) || ':create', '2026-06-24.dahlia', 1, 'payment_intent', 'pi_' || lpad(n::text, 24, '0'),
        'pi_' || lpad(n::text, 24, '0') || '_secret_' || substr(md5(n::text), 1, 25), now(), now(), now(), now(), now()
    FROM generate_series(first, last) AS n;

    INSERT INTO provider_refs (merchant_id, provider, account, kind, ref, attempt_id, order_id)
    SELECT merchant, 'stripe', account, 'payment_intent', 'pi_' || lpad(n::text, 24, '0'), bench_id(2, n), bench_id(1, n)
    FROM generate_series(first, last) AS n;
$$;
