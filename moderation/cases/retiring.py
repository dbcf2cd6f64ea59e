"""What is forgotten of decided cases."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from accounts import retention
from moderation.cases.models import Case, Decision, Notice


def forget_contacts() -> int:
    """Deletes names, addresses and words of notices, once their case has been decided for long enough. That
    somebody filed it, and what was decided, stays. Returns of how many notices."""
    recent = Decision.objects.filter(at__gt=timezone.now() - retention.kept("case_contacts")).values("case")
    old = Notice.objects.filter(case__state=Case.State.DECIDED).exclude(case__in=recent)
    named = ~Q(contact="") | ~Q(name="") | ~Q(text="")
    return old.filter(named).update(contact="", name="", text="")
