"""The pages of headshots, sessions and redos, with axe: two sizes, two themes, three languages."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.household import RECIPE, drawings, lived_in
from tests.browser.test_look import LANGUAGES, faults_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.thorough]
PAGES = {
    "packs": "/headshots/",
    "pack": "/headshots/office/",
    "sheet": "/headshots/orders/{order}/",
    "sheet-at-work": "/headshots/orders/{begun}/",
    "sessions-of-work": "/sessions/",
    "session-of-work": "/sessions/{session}/",
    "redo": "/twins/{twin}/redo/",
}


def orders(user: Any, twin: str) -> dict[str, str]:
    """An order that has ended and one at work, in a session; a marked picture; examples of two packs."""
    from django.utils import timezone

    from generation.models import Job
    from generation.packs.models import Pack
    from generation.sessions.models import Session
    from twins.models import Twin

    owner, office = Twin.objects.get(id=twin), Pack.objects.get(code="office")
    facts = {
        "user": user,
        "twin": owner,
        "training": owner.active_training,
        "kind": "headshots",
        "pack": office,
    }
    facts |= {"prompt": "Office", "shots": ["in an office"] * 8, "count": 8, "seed": 1, "aspect_ratio": "4:5"}
    order = Job.objects.create(status="succeeded", price=8, units=8, **facts)
    begun = Job.objects.create(status="running", share=0.4, started_at=timezone.now(), attempt=1, **facts)
    pictures(order, 8)
    pictures(begun, 3)
    session = Session.objects.create(user=user, name="Spring")
    session.jobs.add(order, begun)
    for code in ("office", "studio"):
        examples(Pack.objects.get(code=code))
    return {"order": str(order.id), "begun": str(begun.id), "session": str(session.id), "twin": twin}


def pictures(job: Any, count: int) -> None:
    from gallery.models import Item
    from gallery.services import save_item
    from generation.models import Output
    from twins.redo import services

    for i in range(count):
        png, width, height = drawings()[1][i]
        item = Item(
            user=job.user, twin=job.twin, training=job.training_id, job=job.id, index=i, prompt=job.shots[i]
        )
        item.width, item.height, item.recipe, item.favourite = width, height, RECIPE, i == 1
        for name, value in save_item(item.user_id, item.id, png).items():
            setattr(item, name, value)
        item.save()
        Output.objects.create(job=job, index=i, item=item.id, alike=0.5 + i / 20, sharpness=0.3)
        if i == 2:
            services.mark(job.twin, training=job.training_id, item=item.id, made_at=item.created_at)


def examples(pack: Any) -> None:
    from generation.packs.models import PackPicture

    for i in range(4):
        png, width, height = drawings()[1][i]
        facts = {"engine": "nano", "prompt": "x", "etag": f"{pack.code}{i}", "width": width, "height": height}
        PackPicture.objects.create(pack=pack, number=i, data=png, **facts)


@pytest.mark.parametrize("size, theme", [("phone", "light"), ("desktop", "dark"), ("desktop", "light")])
def test_every_page_of_headshots(site: Site, alice: Any, size: str, theme: str) -> None:
    ids = orders(alice, lived_in(alice)["twin"])
    filled = {name: path.format(**ids) for name, path in PAGES.items()}
    faults = [fault for code in LANGUAGES for fault in faults_of(site, alice, filled, (size, theme, code))]
    assert not faults, "\n".join(faults)
    assert site.complaints == []


def test_the_price_follows_the_choice_and_the_best_are_kept(site: Site, alice: Any) -> None:
    ids = orders(alice, lived_in(alice)["twin"])
    page = site.visit("phone", user=alice)
    page.goto("/headshots/office/")
    expect(page.locator("#create")).to_have_text("Create · 20 credits")
    page.get_by_label("How many").select_option("8")
    page.get_by_label("Quality").select_option("high")
    expect(page.locator("#create")).to_have_text("Create · 16 credits")
    page.goto(f"/headshots/orders/{ids['order']}/")
    page.get_by_label("How many of the best").select_option("3")
    page.get_by_role("button", name="Keep the best").click()
    expect(page.locator(".heart[aria-pressed=true]")).to_have_count(4)  # one was a favourite before
