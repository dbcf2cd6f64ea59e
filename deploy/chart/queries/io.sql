SELECT count(*) FROM accounts_export WHERE status IN ('queued', 'running')
