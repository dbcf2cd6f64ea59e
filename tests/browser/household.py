"""Objects of every kind for a user, for screenshots and checks of the pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
from django.utils import timezone

from ml import clips, media
from ml.drawn.people import STYLES, random_person, random_scene, varied_scenes
from ml.drawn.portraits import draw

RECIPE = {"prompt": "smiling", "seed": 0, "aspect_ratio": "1:1", "quality": "standard"}
CHECKED = {  # columns that the check of a photo sets
    "width": 640,
    "height": 640,
    "box": [10, 10, 200, 220],
    "yaw": 0.0,
    "light": 0.5,
    "warmth": 1.0,
    "sharpness": 0.3,
    "embedding": [1.0] + [0.0] * 127,
    "embedder": "test",
}


@cache
def drawings() -> tuple[list[bytes], list[tuple[bytes, int, int]]]:
    """Six photos (JPEG), and nine pictures (PNG, width, height)."""
    rng = np.random.default_rng([6, 0])
    person = random_person(rng)
    photos = [media.encode_jpeg(draw(person, s, 256, 256), 90) for s in varied_scenes(rng, 6)]
    pictures = []
    for i in range(9):
        scene = random_scene(rng, style=STYLES[i % len(STYLES)])
        picture = draw(person, scene, 320, (256, 320, 480)[i % 3])
        pictures.append((media.encode_png(picture), picture.shape[1], picture.shape[0]))
    return photos, pictures


def lived_in(user: Any) -> dict[str, str]:
    """Creates a twin with photos and trainings, jobs, pictures, billing rows and an archive.

    Returns kind -> id, for the addresses of pages.
    """
    from accounts import consents
    from accounts.models import Export
    from twins.models import Twin

    for kind in ("terms", "biometric_twin"):
        consents.give(user, kind=kind, version=consents.WORDING[kind][0])
    twin = Twin.objects.create(user=user, name="Alice", subject_class="woman")
    add_photos(twin)
    training = add_trainings(twin)
    job = add_jobs(training)
    item = add_pictures(job)
    pays(user)
    expires = timezone.now() + timedelta(days=7)
    archive = Export.objects.create(
        user=user, scope="items", status="succeeded", size=1_234_567, expires_at=expires
    )
    ids = {"twin": str(twin.id), "item": str(item.id), "archive": str(archive.id), "job": str(job.id)}
    ids["restoration"] = str(add_restorations(user).id)
    ids["clip"] = str(add_clips(item, training).id)
    return ids | add_links(user) | add_faces(user) | add_public(user)


def add_public(user: Any) -> dict[str, str]:
    """Creates links to an album and to four pictures, and publishes two pictures, one with a comment. Returns
    the id of that one and the token of the newest link."""
    from gallery.models import Album, Item
    from gallery.sharing import links, publishing, talk

    own = list(Item.objects.owned_by(user).filter(kind="image")[:4])
    links.share_album(user, Album.objects.create(user=user, name="Summer").id, expires="never")
    link = links.share_items(user, [item.id for item in own], download=True)
    for item in own[:2]:
        row = publishing.submit(user, item, author="Ana", caption="In the park")
        row = publishing.approve(row, actor=user)
    talk.comment(user, row, text="What a lovely light! ❤️")
    return {"public": str(row.id), "shared": str(links.url_of(link)).split("/")[-2]}


def add_faces(user: Any) -> dict[str, str]:
    """Measures a face in each of four pictures; two of them have a name. Returns the ids of a face and of its
    person."""
    from accounts import consents
    from gallery.faces import people
    from gallery.faces.models import Face, FaceVector
    from gallery.models import Item
    from ml.nets.scales import DRAWN

    consents.give(user, kind="face_search", version=consents.WORDING["face_search"][0])
    place = {"box": [0.3, 0.2, 0.7, 0.65], "points": [0.5] * 10, "score": 1.0, "quality": 1.0, "number": 0}
    faces = []
    for n, item in enumerate(Item.objects.owned_by(user).filter(kind="image")[:4]):
        face = Face.objects.create(user=user, item=item, kind=item.kind, made_at=item.created_at, **place)
        FaceVector.objects.create(user=user, face=face, embedder=DRAWN, embedding=[1.0, n / 4, *[0.0] * 126])
        faces.append(face.id)
    people.name_faces(user, faces=faces[:2], name="Alice")
    return {"face": str(faces[0]), "person": str(people.shown(user).get().id)}


def add_clips(picture: Any, training: Any) -> Any:
    """Creates a clip at work, and one that was made of a picture. Returns the latter."""
    from gallery.models import Item
    from generation.models import Job, Output

    facts = {"kind": "video", "duration": 3, "motion": "turn", "prompt": "in a park", "seed": 1}
    facts |= {"user": picture.user, "twin": picture.twin, "training": training, "engine": "nano"}
    now = timezone.now()
    Job.objects.create(status="running", share=0.5, stage="animating", started_at=now, attempt=1, **facts)
    job = Job.objects.create(status="succeeded", reference=picture.id, **facts)
    item = Item(user=picture.user, kind="video", media_type="video/mp4", duration=3.0, original=picture)
    item.job, item.twin, item.training, item.prompt = job.id, picture.twin, training.id, job.prompt
    item.likeness, item.likeness_low, item.recipe, item.engine = 0.83, 0.71, job.recipe, "nano-motion"
    item.width, item.height = keep_clip(item, media.to_array(drawings()[1][1][0]))
    item.save()
    Output.objects.create(job=job, index=0, item=item.id)
    return Item.objects.get(id=item.id)


def keep_clip(item: Any, picture: np.ndarray) -> tuple[int, int]:
    """Writes a clip in which the picture moves sideways; its width and height."""
    from gallery.services import save_item

    mp4 = clips.encode([np.roll(picture, n, axis=1) for n in range(72)])
    for name, value in save_item(item.user_id, item.id, mp4, poster=media.encode_jpeg(picture)).items():
        setattr(item, name, value)
    return picture.shape[1], picture.shape[0]


def add_restorations(user: Any) -> Any:
    """Creates one that failed and one with a flagged result. Returns the latter."""
    from gallery.models import Item
    from gallery.services import save_item
    from generation.models import Job
    from tests.restoring import restoration_of

    photo, (png, width, height) = drawings()[0][0], drawings()[1][0]
    failed = restoration_of(user, photo)
    Job.objects.filter(id=failed.job_id).update(status="failed", error_code="no_face")
    item = Item(user=user, kind="restored", engine="photoflux-restorer", width=width, height=height)
    for name, value in save_item(user.id, item.id, png).items():
        setattr(item, name, value)
    item.save()
    face = {
        "box": [1, 2, 3, 4],
        "status": "restored",
        "before": 0.2,
        "after": 0.5,
        "identity": 0.4,
        "fidelity": 0.35,
    }
    told = {"before": 0.2, "after": 0.5, "identity": 0.4, "flagged": True, "faces": [face]}
    made = {"engine": "photoflux-restorer", "made_scale": 1, "made_fidelity": 0.35}
    return restoration_of(user, photo, item=item, rating=4, tags=["old"], **told, **made)


def add_links(user: Any) -> dict[str, str]:
    """Creates a twin that is ready for its selfie, and one of somebody else with both of its links."""
    from accounts import consents
    from twins.models import Twin
    from twins.proof import invitations

    ready = Twin.objects.create(user=user, name="Alice again", subject_class="woman")
    many_photos(ready)
    other = Twin.objects.create(user=user, name="Carol", subject_class="woman")
    invitation, token = invitations.invite(other)
    version = consents.WORDING["biometric_twin"][0]
    withdrawal = invitations.agree(invitation, session="", version=version)
    return {"ready": str(ready.id), "other": str(other.id), "token": token, "withdrawal": withdrawal}


def many_photos(twin: Any) -> None:
    """Ten accepted photos."""
    from accounts.vault.vault import store
    from twins.models import Photo

    for i in range(10):
        photo = Photo.objects.create(
            user=twin.user, twin=twin, status="succeeded", accepted=True, hash=i, points=[0.0] * 10, **CHECKED
        )
        store(twin.user_id).write(photo.thumbnail, drawings()[0][i % 6])


def add_photos(twin: Any) -> None:
    """Creates six photos. The last one is refused."""
    from accounts.vault.vault import store
    from twins.models import Photo

    for i, data in enumerate(drawings()[0]):
        facts = {"accepted": i < 5, "code": "" if i < 5 else "several_faces", "file_name": f"IMG_{i}.jpg"}
        photo = Photo.objects.create(
            user=twin.user, twin=twin, status="succeeded", hash=i, **facts, **CHECKED
        )
        store(twin.user_id).write(photo.thumbnail, data)


def add_trainings(twin: Any) -> Any:
    """Creates an active and a failed training. Returns the active one."""
    from twins.models import Training, Twin

    now = timezone.now()
    ended = {"user": twin.user, "twin": twin, "base": "nano", "started_at": now, "finished_at": now}
    first = Training.objects.create(
        number=1, status="succeeded", sha256="0" * 64, likeness=0.87, likeness_real=0.92, **ended
    )
    Training.objects.create(number=2, status="failed", error_code="likeness_too_low", **ended)
    Twin.objects.filter(id=twin.id).update(active_training=first)
    return first


def add_jobs(training: Any) -> Any:
    """Creates a failed, a cancelled, a running and a succeeded job. Returns the last one."""
    from generation.models import Job

    recipe = {"user": training.user, "twin": training.twin, "training": training, "seed": 7}
    Job.objects.create(prompt="on a beach", status="failed", error_code="result_refused", **recipe)
    Job.objects.create(prompt="in a library", status="cancelled", **recipe)
    Job.objects.create(
        prompt="at sunset",
        status="running",
        count=2,
        share=0.4,
        started_at=timezone.now(),
        attempt=1,
        **recipe,
    )
    prompt = "smiling, in a park, wearing a red hoodie"
    return Job.objects.create(prompt=prompt, status="succeeded", count=2, **recipe)


def add_pictures(job: Any) -> Any:
    """Creates nine pictures on three days, the first two as outputs of `job`. Returns the last one."""
    from gallery.models import Item
    from gallery.services import save_item
    from generation.models import Output

    now, item = timezone.now(), Item()
    for i, (png, width, height) in enumerate(drawings()[1]):
        item = Item(
            user=job.user,
            twin=job.twin,
            prompt=job.prompt,
            style=STYLES[i % len(STYLES)],
            width=width,
            height=height,
            engine="drawn",
            favourite=i == 2,
            likeness=0.8,
            created_at=now - timedelta(days=9 * (i // 4), minutes=i),
            recipe=RECIPE | {"seed": i, "twin": str(job.twin_id)},
        )
        for name, value in save_item(item.user_id, item.id, png).items():
            setattr(item, name, value)
        item.save()
        if i < 2:
            Output.objects.create(job=job, index=i, item=item.id)
    return item


def pays(user: Any) -> None:
    """Puts the user on Creator with a late payment, a pack, a refund and held credits."""
    from billing import ledger
    from billing.models import Wallet

    now, wallet = timezone.now(), ledger.wallet_of(user)
    Wallet.objects.filter(id=wallet.id).update(plan="creator", stripe_customer="cus_1")
    add_subscription(wallet, now)
    add_invoices(wallet, now)
    ledger.grant(wallet, 200, cause="invoice:in_0:1", kind="plan", expires_at=now + timedelta(days=10))
    ledger.grant(wallet, 20, cause="staff:test")
    ledger.hold(wallet, 4, cause="image:test")


def add_subscription(wallet: Any, now: datetime) -> None:
    """Creates a subscription that ends in ten days and whose payment is two days late."""
    from billing.models import Subscription

    Subscription.objects.create(
        id="sub_1",
        wallet=wallet.id,
        plan_id="creator",
        interval="month",
        cents=2000,
        status="past_due",
        past_due_since=now - timedelta(days=2),
        created_at=now,
        anchor=now - timedelta(days=20),
        period_start=now - timedelta(days=20),
        period_end=now + timedelta(days=10),
    )


def add_invoices(wallet: Any, now: datetime) -> None:
    """Creates a paid, a partly refunded and an open invoice."""
    from billing.models import Invoice

    amounts: tuple[tuple[int, int, dict[str, Any]], ...] = (
        (2000, 200, {}),
        (600, 50, {"refunded": 300, "taken": 25}),
        (2000, 0, {"status": "open"}),
    )
    for n, (total, credits, more) in enumerate(amounts):
        facts = {"status": "paid", "currency": "usd", "created_at": now - timedelta(days=n)} | more
        Invoice.objects.create(
            id=f"in_{n}", wallet=wallet.id, number=f"PF-00{n}", total=total, credits=credits, **facts
        )
