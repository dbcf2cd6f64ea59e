SELECT count(*) FROM twins_training WHERE status IN ('queued', 'running') AND engine NOT IN ('fal', 'together')
