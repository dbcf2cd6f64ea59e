"""Conversations between people and staff, on pages and by e-mail."""
