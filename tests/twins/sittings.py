"""People before a camera: draws a challenge and answers it, through the API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.studio import selfie_frame

DECEIVES = "flux-schnell"  # a photorealistic base


def where(twin: Any) -> str:
    return f"/api/v1/twins/{twin.id}/verification"


def draw(client: Any, twin: Any) -> dict[str, Any]:
    answer = client.get(where(twin))
    assert answer.status_code == 200, answer.content
    challenge: dict[str, Any] = answer.json()["challenge"]
    return challenge


def form(challenge: dict[str, Any], steps: Sequence[str] = (), *, face: int = 0, first: int = 0) -> Any:
    """The form of a person with this face who makes `steps`, else those that are asked for. The frames are
    numbered from `first`: other numbers are other pictures."""
    fields: dict[str, Any] = {"challenge": challenge["id"]}
    for index, step in enumerate(steps or challenge["steps"]):
        frames = [selfie_frame(step, face=face, number=first + n) for n in range(4)]
        files = [SimpleUploadedFile(f"{n}.jpg", frame, "image/jpeg") for n, frame in enumerate(frames)]
        fields[f"movement_{index + 1}"] = files
    return fields


def send(client: Any, twin: Any, challenge: dict[str, Any], *steps: str, **more: Any) -> Any:
    return client.post(where(twin), form(challenge, steps, **more), format="multipart")


def sit(client: Any, twin: Any, work: Callable[[], int], *steps: str, **more: Any) -> dict[str, Any]:
    """Draws, answers, and waits for the result."""
    answer = send(client, twin, draw(client, twin), *steps, **more)
    assert answer.status_code == 202, answer.content
    work()
    result: dict[str, Any] = client.get(where(twin)).json()
    return result


def train(client: Any, twin: Any) -> Any:
    return client.post(f"/api/v1/twins/{twin.id}/trainings", {"base": DECEIVES}, format="json")
