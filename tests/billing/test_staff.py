"""What staff do in the admin: costs, refunds, corrections, failed events."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.models import EngineCost, Transfer
from tests.staff import client_with

pytestmark = pytest.mark.django_db
Kind = Transfer.Kind


def test_operators_write_costs_in_the_list() -> None:
    staff = client_with("view_enginecost", "change_enginecost", "add_enginecost")
    staff.post(
        "/admin/billing/enginecost/add/",
        {"engine": "nano", "job_kind": "", "hour_cents": "1", "unit_cents": "0"},
    )
    row = EngineCost.objects.get()
    form = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": row.id,
        "form-0-hour_cents": "12.5",
        "form-0-unit_cents": "0.125",
        "_save": "Save",
    }
    staff.post("/admin/billing/enginecost/", form)
    row.refresh_from_db()
    assert (row.hour_cents, row.unit_cents) == (Decimal("12.5"), Decimal("0.125"))
