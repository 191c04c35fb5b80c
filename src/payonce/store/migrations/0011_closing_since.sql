-- phase: pre
-- Reason: since when an attempt is to be closed, so that a person is told of those that cannot be for an hour.
--
-- Rows that are being closed when this is applied have none; they count from when they were opened, as before.
ALTER TABLE attempts ADD COLUMN closing_since timestamptz;
