"""How the engines at other companies are now, for staff: refused keys, companies that do not answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min

from billing.engines import alarms
from billing.engines.models import RemoteRequest
from config.runs.circuit import Circuit
from ml.catalogue import SERVICES
from ml.remote.keys import name_of


@dataclass(frozen=True)
class Key:
    name: str  # never the key itself
    refused: str  # why the company refused it within the last day; "" if it did not


@dataclass(frozen=True)
class Service:
    service: str
    company: str
    away: bool
    keys: list[Key]
    open: int  # requests
    oldest: datetime | None  # of the open ones


def services() -> list[Service]:
    """Those that have a key here."""
    rows = RemoteRequest.objects.open().order_by().values_list("service")
    found = {service: (n, since) for service, n, since in rows.annotate(Count("id"), Min("created_at"))}
    return [_service(name, *found.get(name, (0, None))) for name in settings.REMOTES]


def _service(name: str, count: int, oldest: datetime | None) -> Service:
    refused = alarms.refused(name)
    keys = [name_of(key) for key in settings.REMOTES[name].keys]
    return Service(
        service=name,
        company=SERVICES[name].company,
        away=Circuit().is_open(name),
        keys=[Key(each, refused.get(each, "")) for each in keys],
        open=count,
        oldest=oldest,
    )
