"""Looks at frames in a worker."""

from __future__ import annotations

from celery import shared_task

from config.runs import asking
from config.studio import get_judge
from ml.errors import PhotoRefused
from twins.framing.questions import TASK, opened


@shared_task(name=TASK)
def look_at_frame(ident: str) -> None:
    question = asking.take(ident)
    if question is None:
        return  # who asked has gone
    frame, width = opened(question)
    try:
        code = get_judge().framing(frame, width)
    except PhotoRefused:
        code = "unreadable"
    asking.answer(ident, {"code": code})
