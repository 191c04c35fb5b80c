-- name: last_watch
-- Reads when a job last went well, and how often it should, so that silence is noticed.
SELECT COALESCE(every_seconds, timetable_seconds) AS every_seconds, last_success_at, registered_at, is_retired
FROM jobs
WHERE job = %(job)s::text;
