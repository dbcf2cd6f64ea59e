"""A clip at fal: the picture goes there with the words, what comes back is measured and finished here.

The contract of the model (https://fal.ai/models/fal-ai/wan/v2.2-a14b/image-to-video/llms.txt, of its larger
sister; both have these fields): `image_url`, `prompt`, `num_frames` 17 to 161, `frames_per_second`,
`resolution`, `aspect_ratio` "auto", `seed`, `enable_safety_checker`; the answer has `video`, a File."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ml.animation import FPS, AnimateSpec, Clip
from ml.begin_clip import AWAY, words_of
from ml.catalogue import Base, VideoBase
from ml.engine import tell
from ml.errors import MLError
from ml.remote.courier import Courier, Rule
from ml.remote.desk import Desk
from ml.remote.failures import failure
from ml.remote.http import RESULT_SECONDS
from ml.types import Progress, Request

# 30 minutes until it counts as lost, 25 of them to start; the clip stays there for an hour.
RULE = Rule(deadline=1800, start=1500, keep=3600, look=5, unanswered=60, again=True)
PICTURE_SECONDS = 3600  # that the picture lies there
MOST_CLIP = 100_000_000  # bytes
TRIES = 2
AGAIN = ("likeness_too_low", "unsteady")  # what another seed may mend


@dataclass
class FalClips:
    """`few` guards the memory for what is fetched."""

    base: Base
    video: VideoBase
    courier: Courier
    desk: Desk
    few: AbstractContextManager[Any]
    on_progress: Progress

    def run(self, picture: bytes, spec: AnimateSpec, twin: Mapping[str, Any]) -> Clip:
        """`picture`: the file that it begins from; `twin`: the facts of the twin's file."""
        how: dict[str, Any] = {"spec": spec, "twin": twin, "floor": self.base.floor}
        begins = self.desk.begin_clip(picture, **how)
        for attempt in range(TRIES):
            data = self._made(begins, replace(spec, seed=spec.seed + attempt))
            tell(self.on_progress, "checking", 0.0)
            try:
                seed = spec.seed + attempt
                made = self.desk.finish_clip(data, picture=picture, engine=self.video.name, seed=seed, **how)
                return replace(made, engine=self.base.name, tries=attempt + 1)
            except MLError as e:
                if e.code not in AGAIN or attempt + 1 == TRIES:
                    raise
        raise AssertionError("the last try returns or raises")

    def _made(self, begins: bytes, spec: AnimateSpec) -> bytes:
        """The MP4 that the service made."""
        work = f"clip-{spec.seed}"
        request = self.courier.start(work, self.video.source, RULE, partial(self._ask, begins, spec))
        output = self.courier.output(request, RULE)
        with self.few:
            return self.courier.deliver(request, partial(self._fetch, request, output))

    def _fetch(self, request: Request, output: Mapping[str, Any]) -> bytes:
        file = output.get("video")
        url = file.get("url") if isinstance(file, dict) else None
        if not isinstance(url, str):
            raise failure(self.base.service, "result_bad")
        return self.courier.fetch(request, RULE, url, MOST_CLIP, seconds=RESULT_SECONDS)

    def _ask(self, begins: bytes, spec: AnimateSpec) -> Mapping[str, Any]:
        tell(self.on_progress, "sending", 0.0)
        name = f"{secrets.token_hex(8)}.jpg"
        url = self.courier.upload(begins, mime="image/jpeg", name=name, seconds=PICTURE_SECONDS)
        return {
            "image_url": url,
            "prompt": words_of(spec),
            "negative_prompt": AWAY,
            "num_frames": spec.frames + 1,  # 4 n + 1
            "frames_per_second": FPS,
            "resolution": "720p",
            "aspect_ratio": "auto",
            "seed": spec.seed,
            "enable_safety_checker": True,
        }
