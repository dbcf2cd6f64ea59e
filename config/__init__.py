"""The project: settings, addresses, the engine of background work, and what all apps share."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
