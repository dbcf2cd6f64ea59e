"""Engines that run at a service: `open_remote`. Torch-free: a process of many jobs only waits.

Times: a training counts as lost 3 h after it was sent, a clip after 30 min, a picture after 10 (their RULEs).
A training whose submit got no answer waits 30 min for a webhook that names it, and is never sent again; a
picture or a clip waits one minute, is written off and made anew. Nothing there is cancelled when a run only
moves to another worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ml import animation
from ml.animation import AnimateSpec, Clip
from ml.begin_clip import refuse_words
from ml.catalogue import SERVICES, Base, base_of, steps_of, video_of
from ml.engine import tell
from ml.errors import Away, MLError
from ml.prompts import compose
from ml.remote.circuit import Circuit, InProcessCircuit
from ml.remote.clips import FalClips
from ml.remote.courier import Courier, pause
from ml.remote.desk import Desk, InChild
from ml.remote.failures import failure, state_of
from ml.remote.fal import Fal
from ml.remote.http import NotSent, Unanswered
from ml.remote.journal import FolderJournal
from ml.remote.keys import Keys, OnRefused
from ml.remote.pictures import FalPictures, Fetch, Ready, Wanted
from ml.remote.rendering import MemoryStore, RemoteEngine, about_training, digest
from ml.remote.settings import Remote
from ml.remote.together import Together
from ml.remote.training import RemoteTraining
from ml.types import Journal, Picture, Progress, RenderSpec, Store, TrainReport, TrainSpec, go_on

Wait = Callable[[float], None]  # waits so many seconds; may raise Stopped


def open_remote(
    profile: str,
    remote: Remote,
    *,
    keys: Path,
    desk: Desk | None = None,
    circuit: Circuit | None = None,
    on_refused: OnRefused | None = None,
) -> FalEngine | TogetherEngine:
    """The engine of a hosted base. `keys`: the folder of the signing key; `desk`: shared with other engines;
    `on_refused`: is told when the service refuses one of our keys."""
    base, asked = base_of(profile), Keys(remote, on_refused=on_refused)
    made = {
        "desk": desk or InChild(keys),
        "owns_desk": desk is None,
        "circuit": circuit or InProcessCircuit(),
    }
    if base.service == "fal":
        return FalEngine(base, Fal(remote, keys=asked), **made)
    if base.service == "together":
        return TogetherEngine(base, Together(remote, keys=asked), **made)
    raise MLError("unknown_base", f"The base {profile} runs on this machine, not at a service.")


class FalEngine(RemoteEngine):
    """FLUX.1-dev at fal: trains and renders. Wan 2.2 there makes its clips."""

    def __init__(self, base: Base, fal: Fal, **shared: Any):
        super().__init__(base, **shared)
        self.fal = fal

    def close(self) -> None:
        super().close()
        self.fal.http.close()

    def train(
        self, spec: TrainSpec, *, store: Store, on_progress: Progress = go_on, journal: Journal | None = None
    ) -> TrainReport:
        about = about_training(spec)
        journal = journal or FolderJournal(store, spec.name, about, lora=about)
        courier = self._courier(journal, lambda said: training.stage(said))
        judging = self._courier(journal, lambda said: tell(on_progress, "choosing the best", 0.0))
        training = RemoteTraining(
            base=self.base,
            courier=courier,
            pictures=FalPictures(self.base, judging, self.large),
            desk=self.desk,
            large=self.large,
            few=self.few,
            spec=spec,
            store=store,
            on_progress=on_progress,
            about=about,
        )
        return training.run()

    def _pictures(
        self,
        spec: RenderSpec,
        facts: Mapping[str, Any],
        store: Store | None,
        on_progress: Progress,
        journal: Journal,
    ) -> Iterator[tuple[Wanted, Ready]]:
        def stage(said: str) -> None:
            told = "rendering" if said == "running" else said.replace("waiting", "waiting there")
            tell(on_progress, told, 0.0)

        courier = self._courier(journal, stage)
        pictures, url = FalPictures(self.base, courier, self.large), ""
        tell(on_progress, "sending", 0.0)
        if spec.lora:
            url = pictures.copy_of(spec.lora, lambda: self.data_of(spec, store))
        subject = str(facts.get("subject", spec.subject))
        yield from pictures.render(self.wanted(spec), subject, url)

    def animate(
        self,
        spec: AnimateSpec,
        *,
        store: Store | None = None,
        on_progress: Progress = go_on,
        journal: Journal | None = None,
    ) -> Clip:
        start, video = time.monotonic(), video_of(self.base)
        assert video is not None
        refuse_words(spec)
        animation.check(spec, reads_words=video.words)
        facts = self.read(spec.first, store)
        journal = journal or FolderJournal(store or MemoryStore(), "clips", digest(spec))
        picture = self._first(spec, store, on_progress, journal)

        def stage(said: str) -> None:
            told = "animating" if said == "running" else said.replace("waiting", "waiting there")
            tell(on_progress, told, 0.0)

        clips = FalClips(self.base, video, self._courier(journal, stage), self.desk, self.few, on_progress)
        made = clips.run(picture, spec, facts)
        on_progress("done", 1.0)
        return replace(made, took=time.monotonic() - start)

    def _first(
        self, spec: AnimateSpec, store: Store | None, on_progress: Progress, journal: Journal
    ) -> bytes:
        """The file of the picture that a clip begins from: ours, or the most alike of some that are made."""
        if name := spec.first.reference:
            if store is None or not store.exists(name):
                gone = "The picture that this begins from was deleted. Choose another one."
                raise MLError("reference_gone", gone)
            return store.read(name)

        def told(stage: str, share: float) -> bool:
            return stage != "done" and on_progress(stage, share)

        made: list[Picture] = []
        try:
            wanted = replace(spec.first, count=spec.candidates)
            made.extend(self.render(wanted, store=store, on_progress=told, journal=journal))
        except MLError as e:
            if e.code != "result_refused" or not made:
                raise
        return max(made, key=lambda one: one.likeness or one.avatar_shown or 0.0).png

    def _courier(self, journal: Journal, stage: Callable[[str], None]) -> Courier:
        return Courier(self.fal, self.circuit, journal, stage=stage, now=self.now)

    def cancel(self, journal: FolderJournal) -> None:
        """Cancels what runs there, when somebody on the command line says so."""
        courier = self._courier(journal, lambda said: None)
        for request in journal.waiting():
            courier.cancel(request)
            journal.ended(request, "cancelled")


class TogetherEngine(RemoteEngine):
    """FLUX.1-schnell at Together: renders alone. Each picture is one request that waits for it."""

    def __init__(self, base: Base, together: Together, **shared: Any):
        super().__init__(base, **shared)
        self.together = together

    def close(self) -> None:
        super().close()
        self.together.http.close()

    def _pictures(
        self,
        spec: RenderSpec,
        facts: Mapping[str, Any],
        store: Store | None,
        on_progress: Progress,
        journal: Journal,
    ) -> Iterator[tuple[Wanted, Ready]]:
        tell(on_progress, "sending", 0.0)
        model, lora_url = self._model(spec, journal)
        subject = str(facts.get("subject", spec.subject))
        for i, one in enumerate(self.wanted(spec)):
            tell(on_progress, "rendering", i / spec.count)
            body = self._ask(one, subject, model, lora_url)

            def wait(seconds: float, share: float = i / spec.count) -> None:
                pause(seconds, lambda: tell(on_progress, "waiting there", share))

            yield one, partial(self._ready, one.work, body, wait, journal)

    def _ready(self, work: str, body: Mapping[str, Any], wait: Wait, journal: Journal) -> Fetch:
        data = self._generate(work, body, wait, journal)
        return lambda: data

    def _model(self, spec: RenderSpec, journal: Journal) -> tuple[str, str]:
        """(the model, the address of the LoRA). Together reads LoRAs at an address of ours, which the journal
        knows; it takes no files. MLError `engine_without_lora`."""
        if not spec.lora:
            return self.base.source, ""
        model, url = self.together.remote.lora_model, journal.copy(self.base.service, spec.lora)
        if not model or not url:
            company = SERVICES[self.base.service].company
            raise MLError(
                "engine_without_lora",
                f"{company} cannot read this twin here. Choose another engine for its pictures.",
            )
        return model, url

    def _ask(self, one: Wanted, subject: str, model: str, lora_url: str) -> Mapping[str, Any]:
        width, height = self.base.sizes.by_aspect[one.aspect]
        return {
            "model": model,
            "prompt": compose(one.prompt, one.style, subject, twin=bool(lora_url), era=one.era),
            "steps": steps_of(self.base, one.quality, one.steps),
            "n": 1,
            "width": width,
            "height": height,
            "seed": one.seed,
            "response_format": "base64",
            "output_format": "png",
        } | ({"image_loras": [{"path": lora_url, "scale": 1}]} if lora_url else {})

    def _generate(self, work: str, body: Mapping[str, Any], wait: Wait, journal: Journal) -> bytes:
        """A request whose answer was lost, also by an earlier worker, is written off and sent anew, once."""
        service = self.base.service
        if before := journal.open(work):
            journal.ended(before, "written_off")
        for _ in range(2):
            if self.circuit.open(service):
                raise failure(service, "engine_away")
            request = journal.begin(work, service, str(body["model"]))
            try:
                data = self.together.generate(body, wait)
            except NotSent as e:
                self.circuit.failed(service)
                journal.ended(request, "failed")
                raise failure(service, "engine_away") from e
            except Unanswered:
                self.circuit.failed(service)
                journal.ended(request, "written_off")
                continue
            except Away:  # made, and it cannot be fetched
                journal.ended(request, "written_off")
                raise
            except MLError as e:
                journal.ended(request, state_of(e.code))
                raise
            self.circuit.worked(service)
            journal.ended(request, "delivered")
            return data
        raise failure(service, "engine_away")
