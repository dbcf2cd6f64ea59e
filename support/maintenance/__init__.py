"""Maintenance: announced on every page, then pages and the API answer 503 until it is ended."""
