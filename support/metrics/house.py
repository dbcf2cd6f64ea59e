"""Metrics of the house: takedowns, the vault, the disk, the archive, accelerators, maintenance."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone
from prometheus_client.metrics_core import Metric

from config.runs import accelerators, counting
from moderation.cases.models import Case
from support.backups.archive import bases
from support.maintenance import now
from support.metrics.families import counter, gauge

AGES = {"under 24 h": timedelta(hours=24), "24 to 40 h": timedelta(hours=40), "over 40 h": timedelta.max}
VAULT = ("damaged", "unavailable", "storage_full")


def takedowns() -> Iterator[Metric]:
    """Of those that staff have not decided yet: 48 hours is the law's limit."""
    waiting = (Case.State.OPEN, Case.State.CLAIMED)
    today = timezone.now()
    rows = Case.objects.filter(kind=Case.Kind.TAKEDOWN, state__in=waiting)
    ages = [today - at for at in rows.values_list("created_at", flat=True)]
    found = Counter(next(name for name, most in AGES.items() if age < most) for age in ages)
    oldest = max(ages, default=timedelta(0)).total_seconds()
    yield gauge("takedowns_open", "Takedowns not decided.", [((a,), found[a]) for a in AGES], ("age",))
    yield gauge("takedown_oldest_seconds", "Age of the oldest takedown that is not decided.", oldest)


def vault() -> Iterator[Metric]:
    found = counting.counted(*(f"vault_{error}" for error in VAULT))
    rows = [((error,), found[f"vault_{error}"]) for error in VAULT]
    yield counter("vault_errors", "Files that could not be read or written.", rows, ("error",))


def disk() -> Iterator[Metric]:
    found = shutil.disk_usage(settings.VAR)
    yield gauge("disk_bytes", "Size of the disk with the folder VAR.", found.total)
    yield gauge("disk_free_bytes", "What is free of it.", found.free)


ARCHIVE = """
SELECT current_setting('archive_mode') <> 'off', failed_count,
    coalesce(extract(epoch FROM last_archived_time), 0)::float8 FROM pg_stat_archiver"""


def archive() -> Iterator[Metric]:
    """PostgreSQL itself tells whether it archives, whoever takes the archive."""
    with connection.cursor() as cursor:
        cursor.execute(ARCHIVE)
        on, failed, at = cursor.fetchone()
    yield gauge("backup_archiving", "1 where PostgreSQL archives its log.", int(on))
    yield gauge("backup_timestamp_seconds", "When it last archived a piece.", at)
    yield counter("backup_failures", "Pieces that could not be archived.", failed)


def base_backup() -> Iterator[Metric]:
    """Where backups are ours to take: a process that cannot read their folder tells 0."""
    known = bases(Path(settings.BACKUPS)) if settings.BACKUPS else []
    at = [((), known[-1].at.timestamp() if known else 0.0)] if settings.BACKUPS else []
    yield gauge("backup_base_timestamp_seconds", "When the last base backup was taken.", at)


def devices() -> Iterator[Metric]:
    rows = accelerators.known()
    used = [((row.host, row.index), row.used) for row in rows]
    total = [((row.host, row.index), row.total) for row in rows]
    yield gauge("accelerator_memory_bytes", "Memory of an accelerator.", total, ("host", "index"))
    yield gauge(
        "accelerator_memory_used_bytes", "What was used at the last run's end.", used, ("host", "index")
    )


def maintenance() -> Iterator[Metric]:
    yield gauge("maintenance", "1 while a maintenance is under way.", int(now.is_on()))
