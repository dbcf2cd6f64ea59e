from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import Plan
from support.tickets import services
from support.tickets.models import Ticket
from tests.rights import staff_with
from tests.staff import client_with


@pytest.fixture
def pro_plan(db: None) -> None:
    Plan.objects.get_or_create(code="pro", defaults={"name": "Pro", "order": 5})


@pytest.fixture
def staff(db: None) -> Client:
    return client_with("view_invoice")


@pytest.fixture
def ticket(alice: Any) -> Ticket:
    return services.open_ticket(alice, subject="It fails", text="Nothing happens.")


@pytest.fixture
def helper(db: None) -> Any:
    return staff_with("support.view_ticket", "support.answer_ticket", "support.look_attachment")
