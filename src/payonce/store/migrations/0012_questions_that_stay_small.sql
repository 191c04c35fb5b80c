-- phase: pre
-- Reason: questions that are asked again and again read a whole table, which grows for ever, or all findings that are open.
--
-- Held money that only an event told of: asked for every two seconds, and hardly ever there.
CREATE INDEX captures_held ON captures (merchant_id, captured_at)
    WHERE NOT is_confirmed AND captured_minor > allocated_minor + surplus_minor;
-- Types that nobody handles are counted by type.
CREATE INDEX events_unhandled ON events (merchant_id, provider, type, received_at)
    WHERE state = 'ignored' AND reason = 'unhandled_type';
-- Findings of an order or a fingerprint are looked for by `resolved_at`: of "not resolved" there are partial indexes by the
-- merchant alone, which look as good to a server that has not heard yet how many findings were opened.
UPDATE findings SET resolved_at = last_seen_at WHERE state = 'resolved' AND resolved_at IS NULL;
ALTER TABLE findings ADD CONSTRAINT finding_resolved_at_some_time CHECK ((state = 'resolved') = (resolved_at IS NOT NULL));
