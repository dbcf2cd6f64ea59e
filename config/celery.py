"""The Celery application. Its messages only wake workers; see config/runs/models.py."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("photoflux")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # in every thread: a web process sends tasks from its request threads
app.autodiscover_tasks()
app.autodiscover_tasks(["accounts.developers", "accounts.notices"])
app.autodiscover_tasks(["twins.proof", "twins.avatars", "twins.framing", "gallery.faces", "moderation.cases"])
app.autodiscover_tasks(["config.runs"], related_name="sweeper")
app.autodiscover_tasks(["config.runs"], related_name="heartbeat")
