"""The project: settings, addresses, the engine of background work, and what all apps share."""

from config import garbage  # noqa: F401, I001  # first
from config.celery import app as celery_app

__all__ = ["celery_app"]
