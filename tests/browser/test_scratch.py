from __future__ import annotations
import os
from typing import Any
import pytest
from tests.browser.conftest import Site, shot
from tests.browser.household import lived_in, many_photos, add_trainings
from tests.browser.test_look import looked_over

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
LANG = {"en": "en", "es": "es", "zh": "zh-CN"}


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {
        "STRIPE_SECRET_KEYS": "sk_test_nobody",
        "FAL_KEYS": "a:b",
        "FAL_URL": "http://127.0.0.1:9",
        "TOGETHER_KEYS": "k",
        "STUDIO_PROFILES": os.environ.get("P", "nano,fal,together"),
    }


def test_scratch(site: Site, alice: Any, bob: Any) -> None:
    from twins.models import Twin, Training
    from accounts import consents
    from generation.models import Job
    from django.utils import timezone
    from gallery.models import Item

    ids = lived_in(alice)
    from billing.models import Wallet
    from billing import ledger
    from billing.models import Plan
    Plan.objects.update(twins=9, jobs=0)
    Wallet.objects.filter(id=ledger.wallet_of(alice).id).update(plan="creator")
    t = Twin.objects.get(id=ids["ready"])
    now = timezone.now()
    ended = {"user": alice, "base": "fal", "engine": "fal", "started_at": now, "finished_at": now}
    done = Twin.objects.create(user=alice, name="Alice at fal", subject_class="woman")
    many_photos(done)
    v = Training.objects.create(
        twin=done, number=1, status="succeeded", sha256="0" * 64, likeness=0.91, likeness_real=0.93, **ended
    )
    Twin.objects.filter(id=done.id).update(active_training=v)
    open_ = Twin.objects.create(user=alice, name="Alice waits", subject_class="woman")
    many_photos(open_)
    Training.objects.create(
        twin=open_,
        user=alice,
        base="fal",
        engine="fal",
        number=1,
        status="running",
        stage="waiting there 3",
        share=0.08,
        started_at=now,
        attempt=1,
        price=80,
        lease_until=now + timezone.timedelta(hours=1),
    )
    away = Twin.objects.create(user=alice, name="Alice away", subject_class="woman")
    many_photos(away)
    Training.objects.create(
        twin=away,
        user=alice,
        base="fal",
        engine="fal",
        number=1,
        status="queued",
        stage="engine_away",
        price=80,
    )
    Job.objects.create(
        user=alice,
        twin=done,
        training=v,
        seed=7,
        prompt="at a lake",
        status="running",
        stage="waiting there",
        count=2,
        share=0.2,
        engine="fal",
        started_at=now,
        attempt=1,
    )
    Item.objects.filter(id=ids["item"]).update(engine="fal")
    ids |= {"done": str(done.id), "open": str(open_.id), "away": str(away.id)}
    pages = {
        "ready": "/twins/{ready}/",
        "fal": "/twins/{ready}/?engine=fal",
        "other": "/twins/{other}/",
        "done": "/twins/{done}/?engine=fal",
        "open": "/twins/{open}/",
        "away": "/twins/{away}/",
        "studio": "/studio/?twin={done}",
        "studio2": "/studio/?prompt=a+b&engine=fal",
        "studio3": "/studio/?prompt=a+b&engine=together",
        "account": "/account/",
        "pricing": "/pricing/",
        "item": "/gallery/{item}/",
        "landing": "/",
    }
    only = os.environ.get("ONLY")
    if only:
        pages = {k: v for k, v in pages.items() if k in only.split(",")}
    out = []
    for look in os.environ.get("LOOKS", "desktop-light-en,phone-dark-es").split(","):
        size, theme, code = look.split("-")
        alice.language = {"zh": "zh-hans"}.get(code, code)
        alice.save()
        page = site.visit(size, theme, LANG[code], alice)
        for name, path in pages.items():
            page.goto(path.format(**ids), wait_until="load")
            page.wait_for_timeout(150)
            page.screenshot(path=f"/root/fm/pages/{name}-{size}-{theme}-{code}.png", full_page=True)
            if os.environ.get("AXE"):
                out += [f"{name} {look}: {f}" for f in looked_over(page)]
        page.context.close()
        site.contexts.remove(page.context)
    print("\n".join(out))
    print(site.complaints)
    assert not out and not site.complaints
