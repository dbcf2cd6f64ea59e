"""What Prometheus reads at /metrics: figures of the product, from the database at the time of the scrape."""
