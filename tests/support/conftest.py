from __future__ import annotations

import pytest
from django.test import Client

from billing.models import Plan
from tests.staff import client_with


@pytest.fixture
def pro_plan(db: None) -> None:
    Plan.objects.get_or_create(code="pro", defaults={"name": "Pro", "order": 5})


@pytest.fixture
def staff(db: None) -> Client:
    return client_with("view_invoice")
