-- What `doctor` asks the server itself. PostgreSQL's own words; nothing of payonce's work rests on them.

-- name: server_facts
-- Reads what decides whether an acknowledged COMMIT is worth anything, which version answers, and what time it is there.
SELECT
    current_setting('server_version_num')::integer AS version_number,
    current_setting('server_version') AS version,
    current_setting('fsync', true) AS fsync,
    current_setting('full_page_writes', true) AS full_page_writes,
    current_setting('synchronous_commit', true) AS synchronous_commit,
    current_setting('max_connections', true) AS max_connections,
    current_setting('TimeZone') AS time_zone,
    pg_is_in_recovery() AS is_standby,
    clock_timestamp() AS now;

-- name: server_load
-- Counts the connections that are open, to see whether the pool fits beside the others.
SELECT count(*) AS connections
FROM pg_stat_activity
WHERE backend_type = 'client backend';

-- name: order_currencies
-- Reads which currencies the newest orders have, to compare them with the limits of automatic refunds.
SELECT recent.currency
FROM (
    SELECT o.currency
    FROM orders AS o
    WHERE o.merchant_id = %(merchant_id)s
    ORDER BY o.order_id DESC
    LIMIT 1000
) AS recent
GROUP BY recent.currency
ORDER BY recent.currency;
