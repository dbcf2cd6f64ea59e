"""The stages of a training, in their order: the time that each takes, and how far a training is."""

from __future__ import annotations

from typing import Any

from config.web.labels import STAGE_NAMES
from ml.catalogue import BASES

# (begin, end) of each stage, as shares of the training's whole time: here, and at a service.
STAGES = {
    "preparing": (0.0, 0.04),
    "measuring the base": (0.04, 0.10),
    "training": (0.10, 0.85),
    "choosing the best": (0.85, 0.98),
    "finishing": (0.98, 1.0),
}
REMOTE_STAGES = {
    "preparing": (0.0, 0.03),
    "sending": (0.03, 0.06),
    "waiting there": (0.06, 0.10),
    "training": (0.10, 0.90),
    "choosing the best": (0.90, 0.98),
    "finishing": (0.98, 1.0),
}


def of_training(shown: dict[str, Any]) -> list[dict[str, Any]]:
    """Each stage of a training as the API shows it, with its name and whether it is done, now or next. A
    training that waits or stands still is where its share is."""
    base = BASES.get(shown["base"])
    stages = REMOTE_STAGES if base and base.service else STAGES
    now = shown["stage"].rstrip(" 0123456789")
    if now not in stages:
        now = next((name for name, (_begin, end) in stages.items() if shown["progress"] < end), "finishing")
    order = list(stages)
    at = -1 if shown["status"] == "queued" else order.index(now)
    return [
        {"name": STAGE_NAMES[name], "when": "done" if i < at else "now" if i == at else "next"}
        for i, name in enumerate(order)
    ]
