SELECT (SELECT count(*) FROM twins_training WHERE status IN ('queued', 'running') AND engine IN ('fal', 'together'))
 + (SELECT count(*) FROM generation_job WHERE status IN ('queued', 'running') AND engine IN ('fal', 'together'))
