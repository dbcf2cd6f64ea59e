"""The project: settings, addresses, the engine of background work, and what all apps share.

It does not load Celery: config/apps.py does, and `celery -A config` finds config/celery.py by itself. So the
programs of config/start begin in 0.3 instead of 0.5 seconds.
"""

from config import garbage  # noqa: F401
