"""What readers say of articles."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import get_language

from support.help import library
from support.help.models import HelpVote


def vote(user: Any, *, session: str, slug: str, helpful: bool, text: str = "") -> HelpVote:
    """Keeps the answer of a user, or of the visitor with this session's key. A second one replaces the first.

    Raises NotFound.
    """
    article = library.article(slug, get_language() or "")
    visitor = "" if user else hashlib.sha256(session.encode()).hexdigest()
    said = {"helpful": helpful, "text": text, "language": article.language, "created_at": timezone.now()}
    return HelpVote.objects.update_or_create(user=user, visitor=visitor, article=slug, defaults=said)[0]


@dataclass(frozen=True)
class Figure:
    """How many readers an article helped, and how many not."""

    article: str
    helped: int
    not_helped: int

    @property
    def share(self) -> float:
        return self.helped / (self.helped + self.not_helped)


def figures() -> list[Figure]:
    """Of each article that somebody answered about; those that help least first."""
    rows = HelpVote.objects.order_by().values_list("article")
    counted = rows.annotate(yes=Count("id", filter=Q(helpful=True)), no=Count("id", filter=Q(helpful=False)))
    return sorted(
        (Figure(*row) for row in counted), key=lambda each: (each.share, -each.not_helped, each.article)
    )
