"""The Celery application. Its messages only wake workers; see config/runs/models.py."""

from __future__ import annotations

import logging.config
import os
from typing import Any

from celery import Celery, signals
from django.conf import settings

from config import logs, traces

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("photoflux", task_cls="config.runs.rounds:RoundTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # in every thread: a web process sends tasks from its request threads
app.autodiscover_tasks()
app.autodiscover_tasks(["accounts.developers", "accounts.notices"])
app.autodiscover_tasks(["twins.proof", "twins.avatars", "twins.framing", "gallery.faces", "moderation.cases"])
app.autodiscover_tasks(["config.runs"], related_name="sweeper")
app.autodiscover_tasks(["config.runs"], related_name="heartbeat")


@signals.setup_logging.connect
def log_as_everywhere(**_signal: Any) -> None:
    """Without a listener Celery brings its own format."""
    logging.config.dictConfig(settings.LOGGING)


@signals.task_prerun.connect
def begin_task(task: Any, **_signal: Any) -> None:
    """Lines of the task belong to the request that asked for it (config/runs/broker.py)."""
    logs.enter(getattr(task.request, "request_id", None) or "")
    traces.enter(getattr(task.request, "traceparent", None) or "")


@signals.task_postrun.connect
def end_task(**_signal: Any) -> None:
    logs.enter("")
    traces.enter("")
