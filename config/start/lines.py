"""How processes log (config/logs.py): Django's LOGGING."""

from __future__ import annotations

from typing import Any

from config.start import env


def configured(sentry: str) -> dict[str, Any]:
    """LOG_FORMAT is json, or text for people at a terminal. `sentry`: where errors are reported too."""
    env.one_of("LOG_FORMAT", "", "json", "text")
    handlers: dict[str, Any] = {"console": {"class": "logging.StreamHandler", "formatter": "line"}}
    if sentry:
        handlers["sentry"] = {"class": "config.reports.Sentry", "dsn": sentry}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "config.logs.formatter"}},
        "handlers": handlers,
        "loggers": {"stripe": {"level": "WARNING"}, "httpx2": {"level": "WARNING"}},  # they log every request
        "root": {"handlers": list(handlers), "level": env.text("LOG_LEVEL", "INFO")},
    }
