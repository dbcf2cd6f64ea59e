"""The admin: staff see runs and their errors but no private picture, and act through the services."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin import site
from django.test import Client

from billing import audit, ledger
from tests.rights import logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(db: None) -> Client:
    from django.contrib.auth import get_user_model

    return logged_in(get_user_model().objects.create_superuser("staff@example.com", "a long password"))


def pages() -> list[str]:
    return [f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in site._registry]


def test_every_list_opens_with_a_row_in_it(staff: Client, trained: Any) -> None:
    from generation.services import request_images

    request_images(trained.user, twin=trained, prompt="in a park")
    answers = {page: staff.get(page).status_code for page in pages()}
    assert set(answers.values()) == {200}, answers


def test_no_page_shows_or_links_a_picture(staff: Client, trained: Any, photos: list[Any]) -> None:
    for where in (
        f"/admin/twins/photo/{photos[0].id}/change/",
        f"/admin/twins/twin/{trained.id}/change/",
        "/admin/twins/photo/",
    ):
        page = staff.get(where).content.decode()
        assert not re.findall(r'<img[^>]+src="(?!/static/admin/)', page)
        assert "/content" not in page
        assert "embedding" not in page


def test_a_failed_job_is_run_again_at_no_price_once(staff: Client, trained: Any, wake_ups: list[Any]) -> None:
    from generation.models import Job
    from generation.services import request_images

    job = request_images(trained.user, twin=trained, prompt="in a park", count=2)
    Job.claim(job.id)
    failed = Job.objects.get(id=job.id)
    failed.fail("internal")
    for _ in range(2):
        staff.post("/admin/generation/job/", {"action": "retry", "_selected_action": [str(job.id)]})
        Job.objects.update(idempotency_key=None)  # as after a week
    again = Job.objects.get(retry_of=job.id)
    assert (again.price, again.prompt, again.count) == (0, "in a park", 2)
    assert again.retry_cause == "staff"  # who it was is in the audit log
    assert ledger.balance(ledger.wallet_of(trained.user)).available == 3


def test_money_is_looked_at_and_not_touched(staff: Client, trained: Any) -> None:
    from billing.models import Transfer

    transfer = Transfer.objects.first()
    assert transfer
    assert staff.post(f"/admin/billing/transfer/{transfer.id}/change/", {"amount": 9}).status_code == 403
    assert staff.post(f"/admin/billing/transfer/{transfer.id}/delete/", {"post": "yes"}).status_code == 403


def test_credits_are_given_with_a_reason_and_once(staff: Client, alice: Any) -> None:
    from billing import ledger

    wallet = ledger.wallet_of(alice)
    asked = {
        "action": "grant",
        "_selected_action": [str(wallet.id)],
        "amount": "20",
        "reason": "a tester",
        "key": "k1",
    }
    for _double_click in range(2):
        staff.post("/admin/billing/wallet/", asked)
    assert ledger.balance(wallet).available == 23
    for wrong in ({"amount": "0"}, {"amount": "10001"}, {"reason": " "}, {"amount": "x"}):
        page = staff.post("/admin/billing/wallet/", asked | {"key": "k2"} | wrong, follow=True)
        assert "from 1 to 10,000 and a reason" in page.content.decode()
    assert ledger.balance(wallet).available == 23
    assert "a tester" in staff.get(f"/admin/billing/wallet/{wallet.id}/history/").content.decode()
    assert audit.problems() == []


def test_somebody_without_rights_sees_nothing(alice: Any) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get("/admin/").status_code == 302
