"""Optional export of anonymous events in PostHog's form. Off without POSTHOG_KEY."""
