SELECT count(*) FROM generation_job WHERE status IN ('queued', 'running') AND engine NOT IN ('fal', 'together') AND kind <> 'enlarge'
