-- name: claim_accounts
-- Writes whose the accounts of the providers are; who comes second changes nothing.
INSERT INTO accounts (provider, account, mode, merchant_id, created_at)
SELECT provider, account, mode, merchant_id, %(now)s::timestamptz
FROM unnest(%(providers)s::text[], %(accounts)s::text[], %(modes)s::text[], %(merchants)s::text[])
    AS new (provider, account, mode, merchant_id)
ORDER BY provider, account, mode
ON CONFLICT (provider, account, mode) DO NOTHING;

-- name: owners_of_accounts
-- Reads whose the accounts are, and since when, to compare with what the installation was told.
SELECT a.provider, a.account, a.mode, a.merchant_id, a.created_at
FROM unnest(%(providers)s::text[], %(accounts)s::text[], %(modes)s::text[]) AS asked (provider, account, mode)
JOIN accounts AS a
    ON a.provider = asked.provider
    AND a.account = asked.account
    AND a.mode = asked.mode
ORDER BY a.provider, a.account, a.mode;
