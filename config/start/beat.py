"""What runs by the clock."""

from __future__ import annotations

from typing import Any

# Name -> task, seconds between two starts, queue.
TASKS = {
    "sweep": ("config.sweep", 10, "cpu"),
    "webhooks": ("accounts.deliver", 5, "io"),
    "erasures": ("accounts.erasures", 60, "io"),
    "notices": ("accounts.notices", 30, "io"),
    "retain": ("accounts.retain", 3600, "io"),
    "faces": ("gallery.index_all_faces", 60, "cpu"),
    "look": ("gallery.look", 60, "cpu"),
    "ages": ("moderation.settle_ages", 300, "io"),
    "cases": ("moderation.watch_cases", 60, "io"),
    "alarm": ("support.alarm", 600, "io"),
    "check": ("support.check", 2 * 3600, "io"),
    "export": ("support.export", 900, "io"),
    "backup": ("support.back_up", 600, "io"),  # a base backup once a day
    "copies": ("support.copy_files", 60, "io"),
    "tickets": ("support.tickets", 60, "io"),
    "crops": ("gallery.find_faces", 10, "cpu"),  # a clip of a new picture is refused by what it finds
    "hashes": ("gallery.make_hashes", 300, "cpu"),
    "lapse": ("billing.lapse", 600, "io"),
    "months": ("billing.months", 600, "io"),
    "remote": ("billing.settle_remote", 30, "io"),
    "expire": ("billing.expire", 600, "io"),
}


def schedule() -> dict[str, Any]:
    """Celery's `beat_schedule`."""
    return {
        name: {"task": task, "schedule": float(seconds), "options": {"queue": queue}}
        for name, (task, seconds, queue) in TASKS.items()
    }
