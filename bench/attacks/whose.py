"""Whose face and whose picture: what belongs to others, was withdrawn or erased, and what staff see."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx2
import numpy as np

from bench.attacks import PASSWORD, Target, attack, expect
from bench.attacks.accounts import API, log_in, me
from bench.attacks.selfie import draw, twin_of, where
from bench.attacks.sharing import picture_of, shared
from bench.attacks.staff import entered, send, staff
from bench.house import person

VERDICT = 120.0  # seconds that a check may take, loading its nets


def renditions_of(user: Any) -> list[str]:
    """Addresses of everything that is a picture, a model or a word of this user, on pages and in the API."""
    from twins.models import Training

    item, twin = picture_of(user), twin_of(user, photos=1)
    training = Training.objects.create(user=user, twin=twin, number=1, base="nano", status="succeeded")
    photo, ident = twin.photos.get().id, item.id
    api = (
        *(f"items/{ident}{part}" for part in ("", "/content", "/thumbnail", "/stack", "/faces", "/feedback")),
        *(
            f"twins/{twin.id}{part}"
            for part in ("", "/photos", "/avatar", "/verification", f"/photos/{photo}")
        ),
        *(f"trainings/{training.id}{part}" for part in ("", "/weights", "/samples/0", "/avatar")),
    )
    pages = (f"/gallery/{ident}/", f"/gallery/{ident}/edit/", f"/twins/{twin.id}/")
    return [*(f"/api/v1/{path}" for path in api), *pages]


@attack("RE1", "another person's pictures, photos and models, in every rendition")
def renditions(target: Target) -> str:
    owner, stranger = person("re1"), target.login(person("re1-stranger"))
    addresses = renditions_of(owner)
    mine = target.login(owner)
    expect(mine.get(addresses[1]).status_code == 200, "(the attack is broken: the owner sees nothing)")
    codes = {each: stranger.get(each).status_code for each in addresses}
    codes |= {f"{each} HEAD": stranger.head(each).status_code for each in addresses if "/items/" in each}
    reached = {each: code for each, code in codes.items() if code not in (404, 405)}
    expect(not reached, f"a stranger reached {reached}")
    nobody = {target.client().get(each).status_code for each in addresses}
    expect(nobody <= {302, 401}, f"without an account: {nobody}")
    return f"404 for all {len(addresses)} addresses"


# ---------------------------------------------------------------- the live selfie


def answered(client: httpx2.Client, path: str, frames: list[list[bytes]]) -> dict[str, Any]:
    """The verdict on these frames, each movement's for its place in the order."""
    files = [
        (f"movement_{n}", ("a.jpg", frame, "image/jpeg"))
        for n, some in enumerate(frames, 1)
        for frame in some
    ]
    sent = client.post(path, data={"challenge": draw(client, path)}, files=files)
    expect(sent.status_code == 202, f"(the attack is broken: {sent.status_code} {sent.text[:200]})")
    end = time.monotonic() + VERDICT
    while time.monotonic() < end:
        said: dict[str, Any] = client.get(path).json()
        if said["status"] not in ("pending", "checking"):
            return said
        time.sleep(0.5)
    raise RuntimeError(f"no verdict within {VERDICT:.0f} s: {said}")


def still(number: int) -> bytes:
    """A frame of a photo of somebody that is held before a camera, and tilted a little further in each."""
    from bench import forged
    from ml import media
    from ml.drawn.people import Scene, random_person
    from ml.drawn.portraits import draw as draw_person

    rng = np.random.default_rng(number)
    portrait = draw_person(random_person(np.random.default_rng(11)), Scene(), 480, 640)
    paper = forged.tilted(portrait, yaw=4.0 * (number % 6), pitch=2.0 * (number % 3))
    grain = paper + rng.normal(0, 3, paper.shape)
    return media.encode_jpeg(np.clip(grain, 0, 255).astype(np.uint8), 82)


def held() -> list[list[bytes]]:
    return [[still(3 * movement + n) for n in range(3)] for movement in range(4)]


@attack("T11g", "a photo of somebody held before the camera; then the same frames a second time")
def photo(target: Target) -> str:
    user, frames = person("t11g"), held()
    twin = twin_of(user)
    client, path = target.login(user), where(twin)
    first = answered(client, path, frames)
    expect(first["status"] == "refused", f"a photo before the camera: {first}")
    again = answered(client, path, frames)
    expect(again["code"] == "selfie_replayed", f"the same frames again: {again}")
    twin.refresh_from_db()
    expect(not hasattr(twin, "proof") or not twin.proof, "there is a proof")
    return f"{first['code']}, then selfie_replayed (rates on real faces: `python -m bench.selfie`)"


# ---------------------------------------------------------------- what ended


@attack("CO1", "consent withdrawn in the middle of a training")
def withdrawn(target: Target) -> str:
    from django.utils import timezone

    from accounts.vault.vault import store
    from config.runs.worker import Lost
    from twins.models import Training

    user = person("co1")
    twin, client = twin_of(user), target.login(user)
    run = Training.objects.create(
        user=user, twin=twin, number=1, base="nano", engine="nano", status="running", attempt=1,
        started_at=timezone.now(), lease_until=timezone.now() + timedelta(seconds=30),
    )  # fmt: skip
    photo = twin.photos.first()
    store(user.id).write(photo.clean, b"a photo")
    worker = Training.objects.get(id=run.id)  # as the worker has it
    status = client.delete("/api/v1/consents/biometric_twin").status_code
    expect(status == 204, f"(the attack is broken: {status})")
    run.refresh_from_db()
    expect(run.status == "cancelled", f"the training is {run.status}")
    expect(not worker.beat(), "the worker keeps its lease")
    with suppress(Lost):
        worker.finish()
        expect(False, "the worker delivered")
    expect(client.post(f"/api/v1/twins/{twin.id}/trainings", json={}).status_code >= 400, "another one began")
    left = list(twin.photos.exclude(embedding=None))
    expect(not left, "measurements of the face are left")
    return "ended at once; the worker's result is not taken; no measurement is left"


@attack("ER1", "tokens, sessions, keys and links of an account that was erased")
def erased(target: Target) -> str:
    user = person("er1")
    _link, page, files = shared(target, user, download=True)
    session = target.login(user)
    made = session.post("/api/v1/api-keys", json={"name": "x", "scopes": ["read"], "password": PASSWORD})
    key = {"Authorization": f"Api-Key {made.json().get('key', '')}"}
    app = target.client("203.0.113.75")
    meta = log_in(app, user.email).json()["meta"]
    token = {"Authorization": f"Bearer {meta['access_token']}"}
    expect(app.get("/api/v1/me", headers=key).status_code == 200, f"(the attack is broken: {made.text})")
    asked = app.request("DELETE", "/api/v1/me", json={"password": PASSWORD}, headers=token)
    expect(asked.status_code == 202, f"(the attack is broken: {asked.text})")
    refreshed = app.post(f"{API}/tokens/refresh", json={"refresh_token": meta["refresh_token"]})
    codes = {
        "token": me(target.client(), meta["access_token"]),
        "refresh": refreshed.status_code,
        "session": session.get("/api/v1/me").status_code,
        "API key": target.client().get("/api/v1/me", headers=key).status_code,
        "password": log_in(target.client(), user.email).status_code,
        "link": target.client().get(page).status_code,
        "file of the link": target.client().get(files[1]).status_code,
    }
    open_still = {name: code for name, code in codes.items() if code < 400}
    expect(not open_still, f"still open: {open_still}")
    return ", ".join(f"{name} {code}" for name, code in codes.items())


# ---------------------------------------------------------------- staff


def has_picture(answer: httpx2.Response) -> bool:
    return "data:image" in answer.text or answer.content[:4] == b"RIFF"


@attack("ST1", "staff look at private pictures without a reason, or without the right")
def without_reason(target: Target) -> str:
    from gallery.sharing import publishing
    from moderation.cases import services
    from moderation.models import AuditEntry

    user = person("st1")
    row = publishing.submit(user, picture_of(user), author=f"A {user.pk.hex[:8]}")
    notice = services.take_notice(
        services.Sender(contact="ana@example.com"), name="Ana", address=f"/gallery/{row.id}/"
    )
    queue, look = "/admin/moderation/queue/", f"/admin/gallery/publication/{row.id}/look/"
    blind = entered(target, staff("moderation.decide_case", "gallery.approve_publication"))
    seeing = entered(
        target, staff("moderation.decide_case", "moderation.look_case", "gallery.look_publication")
    )
    answers = [
        send(blind, queue, case=notice.case.number, act="look", why="I should like to see it"),
        send(blind, look, act="look", reason="I should like to see it"),
        blind.get(f"/api/v1/items/{row.id}/content"),
        blind.get(f"{queue}?case={notice.case.number}"),
        *(send(seeing, queue, case=notice.case.number, act="look", why=why) for why in ("", "   x    ")),
        *(send(seeing, look, act="look", reason=why) for why in ("", "short")),
        seeing.get(f"/api/v1/items/{row.id}/thumbnail"),
    ]
    shown = [
        n for n, answer in enumerate(answers) if "data:image" in answer.text or answer.content[:4] == b"RIFF"
    ]
    expect(not shown, f"a picture in answers {shown}")
    before = AuditEntry.objects.filter(verb="look_case").count()
    seen = send(seeing, queue, case=notice.case.number, act="look", why="the takedown of Ana")
    expect("data:image" in seen.text, "(the attack is broken: with a reason there is no picture)")
    expect(
        AuditEntry.objects.filter(verb="look_case").count() == before + 1, "the look is not in the audit log"
    )
    return "403 without the right, no picture without ten letters; the look with a reason is in the audit log"
