"""Every page at two sizes, light and dark, in three languages: kept as pictures in out/screens, and looked over by axe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import SIZES, Site, shot

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
OPEN = {
    "landing": "/",
    "prices": "/pricing/",
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
    "reset": "/accounts/password/reset/",
    "missing": "/nowhere/",
}
OWN = {
    "twins": "/twins/",
    "new": "/twins/new/",
    "twin": "/twins/{twin}/",
    "studio": "/studio/",
    "gallery": "/gallery/",
    "item": "/gallery/{item}/",
    "account": "/account/",
    "credits": "/account/credits/",
    "billing": "/account/billing/",
    "plans": "/pricing/?interval=year",
    "email": "/accounts/email/",
    "password": "/accounts/password/change/",
    "sessions": "/accounts/sessions/",
    "job": "/studio/{job}/",
    "archive": "/account/archives/{archive}/",
}
EMPTY = {
    "first-twins": "/twins/",
    "first-studio": "/studio/",
    "first-gallery": "/gallery/",
    "consent": "/twins/{twin}/",
}
# What axe leaves open, and why it is right: signs alone, white on the dark discs of .remove and .tools.
EXPLAINED = ("Element content is too short to determine", "Element content contains only non-text characters")
LANGUAGES = {"en": "en", "es": "es", "zh": "zh-CN"}


@pytest.fixture
def sells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Payments are set up on the site that starts after this, as far as pages show it."""
    monkeypatch.setenv("STRIPE_SECRET_KEYS", "sk_test_nobody")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page(sells: None, site: Site, alice: Any, bob: Any, size: str, theme: str) -> None:
    names, bobs = lived_in(alice), {"twin": str(twin_of(bob).id)}
    faults: list[str] = []
    for code, locale in LANGUAGES.items():
        for user, pages, ids in ((None, OPEN, {}), (alice, OWN, names), (bob, EMPTY, bobs)):
            if user is not None:
                user.language = "zh-hans" if code == "zh" else code
                user.save()
            page = site.visit(size, theme, locale, user)
            for name, path in pages.items():
                page.goto(path.format(**ids), wait_until="load")
                shot(page, f"{name}-{size}-{theme}-{code}")
                faults += [f"{name}-{code}: {fault}" for fault in looked_over(page)]
            page.context.close()
            site.contexts.remove(page.context)
    assert not faults, "\n".join(faults)
    assert [c for c in site.complaints if "/nowhere/" not in c] == []


def test_without_javascript_it_can_be_read_and_asked(site: Site, alice: Any) -> None:
    names = lived_in(alice)
    page = site.visit(user=alice, java_script_enabled=False)
    page.goto("/gallery/?limit=4")
    expect(page.locator(".rows img")).to_have_count(4)
    first = page.locator(".rows a").first.get_attribute("href")
    page.get_by_role("link", name="More").click()
    expect(page.locator(".rows img")).to_have_count(4)
    assert page.locator(".rows a").first.get_attribute("href") != first
    page.goto(f"/gallery/{names['item']}/")
    expect(page.locator("#picture")).to_be_visible()
    page.goto(f"/twins/{names['twin']}/")
    expect(page.locator(".photo")).to_have_count(6)
    page.goto("/studio/")
    page.get_by_label("Prompt", exact=True).fill("in a park")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".job")).to_have_count(5)


def looked_over(page: Page) -> list[str]:
    """What is wrong: wider than the screen, or what axe finds or cannot decide. A page that changed under its eyes is looked at
    once more: a fault is there both times."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    faults = [f"{wide} px wider than the screen"] if wide > 0 else []
    found = axe_faults(page)
    again = axe_faults(page) if found else []
    return faults + [fault for fault in found if fault in again]


def axe_faults(page: Page) -> list[str]:
    faults = []
    found = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}}).response
    for kind in ("violations", "incomplete"):
        for rule in found[kind]:
            for node in rule["nodes"]:
                why = "; ".join(check["message"] for check in node["any"] + node["all"] + node["none"])
                if kind == "violations" or not why.startswith(EXPLAINED):
                    faults.append(f"{kind} {rule['id']}: {node['html'][:160]} {why}")
    return faults


def twin_of(user: Any) -> Any:
    from twins.models import Twin

    return Twin.objects.create(user=user, name="Bob", subject_class="man")


def pays(user: Any) -> None:
    """On Creator, about to become Free, with a pack, a refund, credits held and a payment that did not work."""
    from datetime import timedelta

    from django.utils import timezone

    from billing import ledger
    from billing.models import Invoice, Subscription, Wallet

    now, wallet = timezone.now(), ledger.wallet_of(user)
    Wallet.objects.filter(id=wallet.id).update(plan="creator", stripe_customer="cus_1")
    spans = {
        "anchor": now - timedelta(days=20),
        "period_start": now - timedelta(days=20),
        "period_end": now + timedelta(days=10),
    }
    Subscription.objects.create(
        id="sub_1",
        wallet=wallet.id,
        plan_id="creator",
        interval="month",
        cents=2000,
        status="past_due",
        past_due_since=now - timedelta(days=2),
        created_at=now,
        **spans,
    )
    for n, (total, credits, more) in enumerate(
        ((2000, 200, {}), (600, 50, {"refunded": 300, "taken": 25}), (2000, 0, {"status": "open"}))
    ):
        facts = {"status": "paid", "currency": "usd", "created_at": now - timedelta(days=n)} | more
        Invoice.objects.create(
            id=f"in_{n}", wallet=wallet.id, number=f"PF-00{n}", total=total, credits=credits, **facts
        )
    ledger.grant(wallet, 200, cause="invoice:in_0:1", kind="plan", expires_at=spans["period_end"])
    ledger.grant(wallet, 20, cause="staff:test")
    ledger.hold(wallet, 4, cause="image:test")


def lived_in(user: Any) -> dict[str, str]:
    """A twin with drawn photos and two trainings, pictures of a month, jobs that ended in every way, movements, an archive."""
    from datetime import timedelta

    from django.utils import timezone

    from accounts import consents
    from accounts.models import Export
    from accounts.vault.vault import store
    from gallery.models import Item
    from gallery.services import save_item
    from generation.models import Job, Output
    from ml import media
    from ml.drawn.people import random_person, random_scene, varied_scenes
    from ml.drawn.portraits import draw
    from ml.types import STYLES
    from twins.models import Photo, Training, Twin

    now, files, rng = timezone.now(), store(user.id), np.random.default_rng([6, 0])
    person = random_person(rng)
    for kind in ("terms", "biometric_twin"):
        consents.give(user, kind=kind, version=consents.WORDING[kind][0])
    twin = Twin.objects.create(user=user, name="Alice", subject_class="woman")
    for i, scene in enumerate(varied_scenes(rng, 6)):
        small = media.encode_jpeg(draw(person, scene, 256, 256), 90)
        photo = Photo.objects.create(
            user=user,
            twin=twin,
            status="succeeded",
            accepted=i < 5,
            code="" if i < 5 else "several_faces",
            file_name=f"IMG_{i}.jpg",
            width=640,
            height=640,
            box=[10, 10, 200, 220],
            yaw=0.0,
            light=0.5,
            warmth=1.0,
            sharpness=0.3,
            embedding=[1.0] + [0.0] * 127,
            embedder="test",
            hash=i,
        )
        files.write(photo.thumbnail, small)
    ended = {"user": user, "twin": twin, "base": "nano", "started_at": now, "finished_at": now}
    first = Training.objects.create(
        number=1, status="succeeded", sha256="0" * 64, likeness=0.87, likeness_real=0.92, **ended
    )
    Training.objects.create(number=2, status="failed", error_code="likeness_too_low", **ended)
    Twin.objects.filter(id=twin.id).update(active_training=first)
    recipe = {"user": user, "twin": twin, "training": first, "seed": 7}
    done = Job.objects.create(
        prompt="smiling, in a park, wearing a red hoodie", status="succeeded", count=2, **recipe
    )
    Job.objects.create(prompt="on a beach", status="failed", error_code="result_refused", **recipe)
    Job.objects.create(prompt="in a library", status="cancelled", **recipe)
    Job.objects.create(
        prompt="at sunset", status="running", count=2, progress=0.4, started_at=now, attempt=1, **recipe
    )
    item = Item()
    for i in range(9):
        picture = draw(person, random_scene(rng, style=STYLES[i % len(STYLES)]), 320, (256, 320, 480)[i % 3])
        item = Item(
            user=user,
            twin=twin,
            prompt="smiling, in a park, wearing a red hoodie",
            style=STYLES[i % len(STYLES)],
            width=picture.shape[1],
            height=picture.shape[0],
            engine="drawn",
            favourite=i == 2,
            likeness=0.8,
            created_at=now - timedelta(days=9 * (i // 4), minutes=i),
            recipe={
                "prompt": "smiling",
                "seed": i,
                "aspect_ratio": "1:1",
                "quality": "standard",
                "twin": str(twin.id),
            },
        )
        for name, value in save_item(user.id, item.id, media.encode_png(picture)).items():
            setattr(item, name, value)
        item.save()
        if i < 2:
            Output.objects.create(job=done, index=i, item=item.id)
    pays(user)
    archive = Export.objects.create(
        user=user, scope="items", status="succeeded", size=1_234_567, expires_at=now + timedelta(days=7)
    )
    return {"twin": str(twin.id), "item": str(item.id), "archive": str(archive.id), "job": str(done.id)}
