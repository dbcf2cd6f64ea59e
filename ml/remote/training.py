"""A training at fal: measure the photos here, send those not held out, fetch the LoRA, judge its pictures."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml.catalogue import Base
from ml.engine import tell
from ml.errors import Away, MLError
from ml.likeness import facts_of
from ml.lorafile import checksum
from ml.lorafile import facts_of as facts_in
from ml.prompts import TRIGGER
from ml.remote import lora
from ml.remote.courier import Courier, Rule
from ml.remote.desk import Desk
from ml.remote.failures import failure
from ml.remote.http import MOST_LORA, RESULT_SECONDS
from ml.remote.package import package
from ml.remote.pictures import FalPictures, Fetch, Wanted
from ml.selection import SAMPLES, Known, Measure, check_photos, in_one_space, no_face_in, scenes_of, split
from ml.types import Progress, Request, Store, TrainReport, TrainSpec

log = logging.getLogger(__name__)

TRAINER = "fal-ai/flux-lora-portrait-trainer"
PHOTOS_SECONDS = 3600  # that the photos lie there; it must have started before (RULE.start)
USUAL_SECONDS = 900.0  # of a training there; the progress is read from it, they tell none
# 3 h until it counts as lost; 50 minutes to start, while the photos are there; the LoRA stays a day.
RULE = Rule(deadline=3 * 3600, start=3000, keep=86_400, look=15, unanswered=1800, again=False)
CHOICE = "1 checkpoint, the service offers no others"


@dataclass
class RemoteTraining:
    """Call `run` once. `pictures` renders the scenes; `large` and `few` guard the memory for LoRA files and
    for pictures."""

    base: Base
    courier: Courier
    pictures: FalPictures
    desk: Desk
    large: AbstractContextManager[Any]
    few: AbstractContextManager[Any]
    spec: TrainSpec
    store: Store
    on_progress: Progress
    about: str  # tells this training from another under the same name
    start: float = field(default_factory=time.time)

    def run(self) -> TrainReport:
        check_photos(self.spec)
        self._tell("preparing", 0.0)
        vectors, embedder = self._vectors()
        train_on, held_out = split(len(vectors), self.base.recipe.holdout, self.spec.seed)
        url, rank = self._trained(train_on)
        measure = Measure(Known(embedder, vectors[held_out], vectors[train_on]))
        facts = self._facts(rank) | facts_of(vectors, embedder)
        found, samples = self._scenes(url, facts)
        self._tell("finishing", 0.0)
        sha256 = self._write(facts)
        self.store.delete(self._fetched)
        self.on_progress("done", 1.0)
        return self._report(measure, found, sha256, samples)

    def _report(
        self, measure: Measure, found: np.ndarray, sha256: str, samples: tuple[str, ...]
    ) -> TrainReport:
        seconds, likeness = time.time() - self.start, measure.likeness(found)
        return TrainReport(
            lora=self._lora,
            sha256=sha256,
            steps=self.steps,
            seconds=seconds,
            seconds_per_step=seconds / self.steps,
            loss_first=None,
            loss_last=None,
            checkpoint=self.steps,
            likeness=likeness,
            likeness_base=None,
            likeness_real=measure.real,
            recognised=likeness >= self.base.floor,
            scores=((self.steps, round(measure.score(found), 4)),),
            samples=samples,
            choice=CHOICE,
        )

    @property
    def steps(self) -> int:
        return self.spec.steps or self.base.recipe.steps_most

    @property
    def _fetched(self) -> str:
        """What came back, until the training's end: a worker that goes on need not fetch it again."""
        return f"{self.spec.name}/checkpoint.safetensors"

    @property
    def _lora(self) -> str:
        return f"{self.spec.name}/lora.safetensors"

    def _tell(self, stage: str, share: float) -> None:
        tell(self.on_progress, stage, share)

    # ---------------------------------------------------------------- here, before

    def _vectors(self) -> tuple[np.ndarray, str]:
        """See TwinTraining._vectors; the photos are read one at a time."""
        found: list[tuple[str, np.ndarray]] = []
        for i, photo in enumerate(self.spec.photos):
            self._tell("preparing", i / len(self.spec.photos))
            vector = self.desk.describe(photo.clean)
            if vector is None:
                raise no_face_in(photo.id)
            found.append((vector.embedder, np.array(vector.values, np.float32)))
        return in_one_space(found, self._again)

    def _again(self, i: int, embedder: str) -> np.ndarray:
        photo = self.spec.photos[i]
        vector = self.desk.describe(photo.clean, embedder)
        if vector is None:
            raise no_face_in(photo.id)
        return np.array(vector.values, np.float32)

    # ---------------------------------------------------------------- there

    def _trained(self, train_on: list[int]) -> tuple[str, int]:
        """(address of the LoRA for rendering, its rank)."""
        if not self._is_fetched():
            request = self.courier.start("training", TRAINER, RULE, lambda: self._ask(train_on))
            self.start = request.began or self.start
            self._fetch(request, self.courier.output(request, RULE))
        with self.large:
            rank = lora.rank_of(lora.check(self.store.read(self._fetched)))
        self._tell("choosing the best", 0.0)  # the LoRA goes there: not when its consent ended meanwhile
        return self.pictures.copy_of(self._lora, lambda: self.store.read(self._fetched)), rank

    def _is_fetched(self) -> bool:
        if not self.store.exists(self._fetched):
            return False
        with self.large, suppress(MLError):
            return facts_in(self.store.read(self._fetched)).get("about") == self.about
        return False

    def _ask(self, train_on: list[int]) -> Mapping[str, Any]:
        self._tell("sending", 0.0)
        photos, name = (self.spec.photos[i].clean for i in train_on), f"{secrets.token_hex(8)}.zip"
        with self.large:
            archive = package(photos, self.spec.subject)
            url = self.courier.upload(archive, mime="application/zip", name=name, seconds=PHOTOS_SECONDS)
            del archive
        return {
            "images_data_url": url,
            "trigger_phrase": TRIGGER,
            "steps": self.steps,
            "subject_crop": True,
            "multiresolution_training": True,
            "data_archive_format": "zip",
        }

    def _fetch(self, request: Request, output: Mapping[str, Any]) -> None:
        """The LoRA into the store, as soon as it is there."""
        file = output.get("diffusers_lora_file")
        url, size = (file.get("url"), file.get("file_size")) if isinstance(file, dict) else (None, None)
        try:
            if not isinstance(url, str):
                raise failure(request.service, "result_bad")
            with self.large:
                data = self.courier.fetch(request, RULE, url, MOST_LORA, size=size, seconds=RESULT_SECONDS)
                lora.check(data)
                data = lora.with_facts(data, {"about": self.about})  # what came is given back
                self.store.write(self._fetched, data)
                del data
        except Away:
            raise
        except (lora.NotALora, MLError) as e:
            log.warning("what came back cannot be used: %s", e)
            self.courier.journal.ended(request, "delivered")  # it was made, and is billed
            raise e if isinstance(e, MLError) else failure(request.service, "result_bad") from e
        self.courier.journal.ended(request, "delivered")

    def stage(self, said: str) -> None:
        """What the courier tells while it waits for the training."""
        if said == "running":
            self._tell("training", min(0.95, (time.time() - self.start) / USUAL_SECONDS))
        else:
            self._tell(said.replace("waiting", "waiting there"), 0.0)

    # ---------------------------------------------------------------- here, after

    def _scenes(self, url: str, facts: Mapping[str, Any]) -> tuple[np.ndarray, tuple[str, ...]]:
        """(vectors of the recognisable faces, names of the samples) of the scenes that the service made.
        Raises the last failure when there is none."""
        wanted = [Wanted(f"scene-{n}", *scene) for n, scene in enumerate(scenes_of(self.base))]
        self._tell("choosing the best", 0.0)
        found: list[tuple[float, ...]] = []
        samples: list[str] = []
        error, made = None, 0
        for n, (one, ready) in enumerate(self.pictures.render(wanted, self.spec.subject, url)):
            self._tell("choosing the best", n / len(wanted))
            try:
                found += self._scene(one, ready(), facts, samples)
                made += 1
            except Away:
                raise
            except MLError as e:
                log.warning("a scene is left out: %s", e)
                error = e
        if error and not made:
            raise error
        return np.array(found, np.float32), tuple(samples)

    def _scene(
        self, one: Wanted, fetch: Fetch, facts: Mapping[str, Any], samples: list[str]
    ) -> list[tuple[float, ...]]:
        """The vector of a scene's face, none without one that can be recognised. Its picture is a sample."""
        with self.few:
            data = fetch()
            vector = self.desk.vector(data, str(facts["embedder"]))
            if len(samples) < SAMPLES:
                self._sample(one, data, facts, samples)
        return [vector.values] if vector and vector.recognisable else []

    def _sample(self, one: Wanted, data: bytes, facts: Mapping[str, Any], samples: list[str]) -> None:
        """Finishes a scene's picture and stores it."""
        engine = self.base.name
        try:
            done = self.desk.finish(
                data, prompt=one.prompt, seed=one.seed, twin=facts, seconds=0.0, engine=engine
            )
        except MLError as e:
            if e.code != "screening_unavailable":
                raise
            return  # a twin without samples is better than none
        if done:
            samples.append(f"{self.spec.name}/samples/{len(samples)}.png")
            self.store.write(samples[-1], done.png)

    def _facts(self, rank: int) -> dict[str, Any]:
        return {"base": self.base.name, "subject": self.spec.subject, "step": self.steps, "rank": rank}

    def _write(self, facts: Mapping[str, Any]) -> str:
        """Writes the twin's file and returns its checksum."""
        with self.large:  # twice: what is read, and what is written
            data = lora.with_facts(self.store.read(self._fetched), facts)
            self.store.write(self._lora, data)
            return checksum(data)
