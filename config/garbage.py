"""Looks for garbage seldom while a program starts: that makes little of it, and looking took a third of it.

config/__init__.py imports this first. config/apps.py ends it, once all apps are loaded.
"""

from __future__ import annotations

import gc

USUAL = gc.get_threshold()
gc.set_threshold(100_000, 50, 50)


def collect_as_usual() -> None:
    """What is loaded stays to the end: no later collection looks at it, or copies it into a forked child."""
    gc.freeze()
    gc.set_threshold(*USUAL)
