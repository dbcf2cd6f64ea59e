"""The live selfie: challenges of others and of before, links used twice, and trainings without a proof."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import httpx2
from PIL import Image

from bench.attacks import Target, attack, expect
from bench.house import person

numbers = count(1)
AT_ONCE = 8  # requests with one challenge


def frame() -> bytes:
    """A JPEG that no other selfie has."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (next(numbers) % 256, 90, 90)).save(out, "JPEG")
    return out.getvalue()


def twin_of(user: Any, *, photos: int = 10) -> Any:
    """A twin with consent and accepted photos, without files."""
    from twins.models import Photo, Twin

    twin = Twin.objects.create(user=user, name="Me")
    for i in range(photos):
        Photo.objects.create(user=user, twin=twin, status="succeeded", accepted=True, hash=i, yaw=0.0)
    return twin


def somebody() -> tuple[Any, Any]:
    user = person(f"sitter{next(numbers)}")
    return user, twin_of(user)


def where(twin: Any) -> str:
    return f"/api/v1/twins/{twin.id}/verification"


def draw(client: httpx2.Client, path: str) -> str:
    return str(client.get(path).json()["challenge"]["id"])


def send(client: httpx2.Client, path: str, challenge: str) -> tuple[int, str]:
    files = [(f"movement_{n}", ("a.jpg", frame(), "image/jpeg")) for n in range(1, 5) for _ in range(3)]
    answer = client.post(path, data={"challenge": challenge}, files=files)
    return answer.status_code, answer.json().get("code") or ""


def refused(answer: tuple[int, str], *codes: str) -> None:
    expect(answer[1] in codes, f"{answer[0]} {answer[1]}")


@attack("T11a", "one challenge answered by eight requests at once")
def twice(target: Target) -> str:
    from twins.proof.models import Selfie

    user, twin = somebody()
    client = target.login(user)
    challenge = draw(client, where(twin))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _n: send(client, where(twin), challenge), range(AT_ONCE)))
    taken = [status for status, _code in answers if status == 202]
    expect(len(taken) == 1, f"taken {len(taken)} times")
    expect(Selfie.objects.filter(twin=twin).count() == 1, "two selfies")
    return "one was taken, seven were refused"


@attack("T11b", "a challenge of another session, of another twin and of another person")
def foreign(target: Target) -> str:
    user, twin = somebody()
    challenge = draw(target.login(user), where(twin))
    other, theirs = somebody()
    for client, path in (
        (target.login(user), where(twin)),
        (target.login(user), where(twin_of(user))),
        (target.login(other), where(theirs)),
        (target.login(other), where(twin)),
    ):
        refused(send(client, path, challenge), "not_found")
    return "404 for all four"


@attack("T11c", "a challenge of which two minutes are over, and one that a newer one ended")
def late(target: Target) -> str:
    from twins.proof.models import Challenge

    user, twin = somebody()
    client = target.login(user)
    old = draw(client, where(twin))
    new = draw(client, where(twin))
    refused(send(client, where(twin), old), "challenge_expired")
    now = Challenge.objects.get(id=new).expires_at - timedelta(minutes=2, seconds=1)
    Challenge.objects.filter(id=new).update(expires_at=now)
    refused(send(client, where(twin), new), "challenge_expired")
    return "challenge_expired"


@attack("T11d", "a consent link used again, made up, and of somebody who withdrew")
def links(target: Target) -> str:
    from django.utils import timezone

    from twins.models import Twin
    from twins.proof import invitations
    from twins.proof.models import Invitation

    twin = Twin.objects.create(user=person(f"host{next(numbers)}"), name="Guest")
    _invitation, token = invitations.invite(twin)
    guest = target.client()
    status = guest.get(f"/invited/{token[:-1]}x/").status_code
    expect(status == 404, f"a changed token: {status}")
    page = guest.get(f"/invited/{token}/").text
    expect("selfie.js" not in page, "the selfie is there before the consent")
    answer = guest.get(f"/invited/{token}/ask/")
    expect(answer.status_code == 403, f"a challenge before the consent: {answer.status_code}")
    Invitation.objects.update(used_at=timezone.now())
    for path in ("", "ask/", "state/"):
        status = guest.get(f"/invited/{token}/{path}").status_code
        expect(status == 410, f"a used link, {path}: {status}")
    return "404, 403 and 410"


@attack("T11e", "a training on a base that deceives without a proof")
def training(target: Target) -> str:
    from billing.engines import offers

    user, twin = somebody()
    client, tried = target.login(user), []
    for base in offers.configured():
        if base.photorealistic:
            answer = client.post(f"/api/v1/twins/{twin.id}/trainings", json={"base": base.name})
            refused((answer.status_code, answer.json()["code"]), "verification_required")
            tried.append(base.name)
    expect(bool(tried), "no such base is configured")
    expect(not twin.trainings.exists(), "a training began")
    return f"verification_required for {', '.join(tried)}"


@attack("T11f", "files that are no frames, too many, and too large")
def files(target: Target) -> str:
    user, twin = somebody()
    client = target.login(user)
    challenge = draw(client, where(twin))
    for data, number in (
        (b"GIF89a" + bytes(99), 3),
        (frame(), 2),
        (frame(), 13),
        (b"\xff\xd8\xff" + bytes(2**20), 3),
    ):
        parts = [(f"movement_{n}", ("a.jpg", data, "image/jpeg")) for n in range(1, 5) for _ in range(number)]
        answer = client.post(where(twin), data={"challenge": challenge}, files=parts)
        refused((answer.status_code, answer.json()["code"]), "invalid", "file_too_large")
    expect(send(client, where(twin), challenge)[0] == 202, "they used the challenge up")
    return "422 for all four, and the challenge still works"
