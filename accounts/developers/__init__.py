"""For programs: API keys, and webhooks that tell them how runs ended."""
