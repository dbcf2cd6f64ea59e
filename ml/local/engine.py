"""The engine that runs on this machine."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from ml import edit, media
from ml.animation import AnimateSpec, Clip
from ml.begin_clip import refuse_words
from ml.catalogue import Base, base_of, refuse_hosted
from ml.drawn.drawing import Drawing, from_facts, to_facts
from ml.engine import tell
from ml.errors import MLError
from ml.faces import Faces
from ml.finish import finish
from ml.local import avatars, fitting, lora, references
from ml.local.animating import Animating, Animators, First
from ml.local.compilation import compile_blocks, compiler, undo_compilation
from ml.local.loading import load_pipeline
from ml.local.references import Reference
from ml.local.repaint import repaint
from ml.local.sample import Raw, Sampler
from ml.local.training import TwinTraining
from ml.local.weights import Recent, parse
from ml.lorafile import checksum
from ml.oom import memory_errors
from ml.prompts import compose, in_words_of
from ml.provenance import Signer
from ml.restore.printing import clear_faces
from ml.restore.restorers import Restorers
from ml.restore.restoring import restore
from ml.selection import check_photos
from ml.types import (
    Journal,
    Picture,
    Progress,
    RenderSpec,
    Restored,
    RestoreSpec,
    Store,
    TrainReport,
    TrainSpec,
    go_on,
)
from ml.words import screening

log = logging.getLogger(__name__)

TwinFile = tuple[str | None, dict[str, Any] | None, dict[str, Any]]  # checksum, tensors, facts


class LocalEngine:
    """See ml.engine.Engine. Loads models at their first use; a lock lets one job at a time use
    them.

    `source`: a local directory that replaces the base's; `video_source`: one that replaces that of what makes
    its clips. `keys`: the folder of the signing key, made at first use. `device` None: an accelerator if
    there is one. `threads`: torch's number of threads. `compiled` None: compiles the blocks on accelerators.
    `in_8_bits`: renders with the base in 8 bits even if memory does not require it. `restorers`: the folder
    of face restorers that do not ship, and the name of the one to use, "" for the best."""

    def __init__(
        self,
        profile: str = "nano",
        *,
        source: str | Path | None = None,
        keys: Path | None = None,
        device: str | None = None,
        threads: int | None = None,
        faces: Faces | None = None,
        compiled: bool | None = None,
        in_8_bits: bool = False,
        restorers: tuple[Path | None, str] = (None, ""),
        video_source: str | Path | None = None,
    ):
        self.base: Base = base_of(profile, source)
        refuse_hosted(self.base)
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.in_8_bits = in_8_bits
        self.compiles = _can_compile(self.device != "cpu" if compiled is None else compiled)
        self.keys = keys or Path(os.environ.get("PHOTOFLUX_KEYS", "var/keys"))
        if threads:
            torch.set_num_threads(threads)
        self.faces = faces or Faces()
        self.restorers = Restorers(*restorers, self.device)
        self.animators, self.video_source = Animators(self.device), video_source
        self._lock = threading.RLock()
        self._recent = Recent()
        self._loaded: tuple[Any, Sampler, lora.Swapper] | None = None
        self._compiled = False  # whether the loaded models are compiled

    @cached_property
    def signer(self) -> Signer:
        return Signer.open(self.keys)

    def models(self, *, exact: bool = False) -> tuple[Any, Sampler, lora.Swapper]:
        """The pipeline, its sampler and its LoRA swapper, loaded at the first call. `exact`: uses 8 bits only
        if memory requires it. Raises MLError `does_not_fit` before reading weights."""
        if self._loaded is None:
            plan = fitting.serving(self.base, self.device)
            log.info("%s, serving: %s", self.base.name, plan.says())
            in_8_bits = plan.transformer_in_8_bits or (self.in_8_bits and not exact)
            with memory_errors():
                pipe = load_pipeline(
                    self.base, self.device, in_8_bits=in_8_bits, text_on_host=plan.text_on_host
                )
            swapper = lora.Swapper(pipe, self.base, always=self.compiles)
            self._loaded = pipe, Sampler(pipe, self.base), swapper
        return self._loaded

    def close(self) -> None:
        with self._lock:
            self._loaded, self._compiled = None, False
            self.animators.close()
            if self.device == "cuda":
                torch.cuda.empty_cache()

    # ---------------------------------------------------------------- train

    def train(
        self, spec: TrainSpec, *, store: Store, on_progress: Progress = go_on, journal: Journal | None = None
    ) -> TrainReport:
        check_photos(spec)
        if spec.threads:
            torch.set_num_threads(spec.threads)
        with self._lock, memory_errors():
            pipe = self._models_to_train()
            plan = fitting.training(self.base, self.device, pipe)
            log.info("%s, training: %s", self.base.name, plan.says())
            try:
                return TwinTraining(
                    pipe, self.base, self.device, plan, self.faces, self._finish, spec, store, on_progress
                ).run()
            finally:
                lora.remove(pipe.transformer)
                if plan.savings.base_in_8_bits or self.in_8_bits:
                    self.close()  # the next render loads the base again in its own precision

    def _models_to_train(self) -> Any:
        """The pipeline with exact weights, without a LoRA, not compiled."""
        if self.in_8_bits:
            self.close()
        pipe, _, swapper = self.models(exact=True)
        swapper.unload()
        undo_compilation(pipe.transformer, pipe.vae)
        self._compiled = False
        return pipe

    # ---------------------------------------------------------------- restore

    def restore(self, spec: RestoreSpec, *, on_progress: Progress = go_on) -> Restored:
        with memory_errors():
            return restore(
                spec, faces=self.faces, restorers=self.restorers, signer=self.signer, on_progress=on_progress
            )

    # ---------------------------------------------------------------- render

    def render(
        self,
        spec: RenderSpec,
        *,
        store: Store | None = None,
        on_progress: Progress = go_on,
        journal: Journal | None = None,
    ) -> Iterator[Picture]:
        screening.refuse_prompt(spec.prompt, spec.negative_prompt, allow_sexual=spec.adult)
        with self._lock:
            twin, reference = self.read(spec, store), references.read(spec, store, self.faces)
        refused = 0
        for first in range(0, spec.count, self.base.batch):
            tell(on_progress, "rendering", first / spec.count)
            seeds = range(spec.seed + first, spec.seed + min(first + self.base.batch, spec.count))
            # The lock is free while the caller handles a picture, so another job may load another twin.
            with self._lock, memory_errors():
                made = self._batch(self.sampler_of(twin), spec, twin[2], seeds, reference)
            refused += made.count(None)
            yield from filter(None, made)
        if refused:
            raise MLError(
                "result_refused",
                f"{refused} of {spec.count} pictures may not be shown. Change the prompt and try again.",
            )
        on_progress("done", 1.0)

    def read(self, spec: RenderSpec, store: Store | None) -> TwinFile:
        """The twin's file; (None, None, {}) for the base alone. MLError `lora_missing`, `lora_broken`."""
        if spec.lora is None:
            return None, None, {}
        if store is None or not store.exists(spec.lora):
            raise MLError("lora_missing", "The twin's file is not there. Train the twin again.")
        name, read = spec.lora, store.read

        def load() -> tuple[str, dict[str, Any], dict[str, Any]]:
            data = read(name)
            return checksum(data), *parse(data, spec.sha256)

        # The name identifies the training. Without a checksum the file may have changed: read it again.
        return self._recent.get((name, spec.sha256), load) if spec.sha256 else load()

    def sampler_of(self, twin: TwinFile) -> Sampler:
        """The sampler with this twin's LoRA loaded. MLError `lora_other_base`."""
        pipe, sampler, swapper = self.models()
        swapper.load(*twin)
        sampler.person, sampler.somebody = avatars.person_in(twin[2]), twin[1] is not None
        if self.compiles and not self._compiled:
            # Compiling the VAE on a CPU gains nothing (measured).
            compile_blocks(pipe.transformer, None if self.device == "cpu" else pipe.vae)
            self._compiled = True
        return sampler

    def _batch(
        self,
        sampler: Sampler,
        spec: RenderSpec,
        facts: dict[str, Any],
        seeds: Sequence[int],
        reference: Reference | None,
    ) -> list[Picture | None]:
        """Renders the pictures of some seeds in one pass; None for a picture that may not be shown."""
        start = time.monotonic()
        text = composed(self.base, spec, facts)
        raw = self._sample(sampler, spec, text, seeds, reference)
        each = (time.monotonic() - start) / len(seeds)
        parent = reference.data if reference else None
        finish, done = partial(self._finish, parent=parent, allow_nudity=spec.adult), []
        for one, seed in zip(raw, seeds):
            begin = time.monotonic() - each
            picture, drawing = references.delivered(reference, sampler, one, seed, text, spec.longest)
            found = finish(picture, prompt=spec.prompt, seed=seed, twin=facts, start=begin)
            done.append(replace(found, drawing=to_facts(drawing)) if found and drawing else found)
        return done

    def _sample(
        self, sampler: Sampler, spec: RenderSpec, text: str, seeds: Sequence[int], reference: Reference | None
    ) -> list[Raw]:
        size, steps = self.base.sizes.by_aspect[spec.aspect], sampler.steps(spec)
        negative = in_words_of(self.base, spec.negative_prompt)
        if reference is not None:
            start = references.start_of(reference, spec, self.base)
            return repaint(sampler, text, start, steps=steps, seeds=seeds, negative=negative)
        asked = [text] * len(seeds)
        return sampler.raw_batch(asked, size=size, steps=steps, seeds=seeds, negative=negative)

    # ---------------------------------------------------------------- enlarge

    def enlarge(
        self, spec: RenderSpec, *, times: int, store: Store, on_progress: Progress = go_on
    ) -> Picture:
        start = time.monotonic()
        with self._lock:
            twin, reference = self.read(spec, store), references.read(spec, store, self.faces)
        if reference is None:
            raise references.refusal("reference_gone")
        tell(on_progress, "enlarging", 0.2)
        height, width = reference.picture.shape[:2]
        large = edit.enlarge(reference.picture, edit.print_size(width, height, times))
        tell(on_progress, "enlarging", 0.4)
        large, clearer = clear_faces(large, faces=self.faces, net=self.restorers.best())
        tell(on_progress, "enlarging", 0.6)
        made = self._finish(
            large, prompt=spec.prompt, seed=spec.seed, twin=twin[2], start=start, parent=reference.data
        )
        if made is None:
            raise references.refusal("reference_not_allowed")
        on_progress("done", 1.0)
        return replace(made, faces_restored=clearer)

    # ---------------------------------------------------------------- animate

    def animate(
        self,
        spec: AnimateSpec,
        *,
        store: Store | None = None,
        on_progress: Progress = go_on,
        journal: Journal | None = None,
    ) -> Clip:
        refuse_words(spec)
        animating = Animating(
            self.base, self.animators, self.faces, self.signer, spec, on_progress, self.video_source
        )
        with memory_errors():
            with self._lock:
                twin, first = self._first(animating, store)
            return animating.run(first, twin[2])

    def _first(self, animating: Animating, store: Store | None) -> tuple[TwinFile, First]:
        """The twin, and the picture that a clip begins from."""
        first = animating.spec.first
        twin, reference = self.read(first, store), references.read(first, store, self.faces)
        if reference is not None:
            return twin, First(reference.picture, reference.data, _drawing(animating.spec, store))
        sampler, text = self.sampler_of(twin), composed(self.base, first, twin[2])
        seeds = range(first.seed, first.seed + animating.spec.candidates)
        tell(animating.on_progress, "rendering", 0.0)
        raw = [self._sample(sampler, first, text, [seed], None)[0] for seed in seeds]
        made = [sampler.deliver(one, seed, text) for one, seed in zip(raw, seeds)]
        firsts = [First(media.within(one.picture, first.longest), drawing=one.drawing) for one in made]
        return twin, animating.best_of(firsts, twin[2])

    @property
    def _finish(self) -> partial[Picture | None]:
        return partial(finish, engine=self.base.name, faces=self.faces, signer=self.signer)


def composed(base: Base, spec: RenderSpec, facts: dict[str, Any]) -> str:
    """What the base reads. `facts`: of the twin's file."""
    subject = facts.get("subject", spec.subject)
    prompt = in_words_of(base, spec.prompt)
    return compose(prompt, spec.style, subject, twin=spec.lora is not None, era=spec.era)


def _drawing(spec: AnimateSpec, store: Store | None) -> Drawing | None:
    """What the picture is a drawing of, where that was stored."""
    if spec.drawing is None or store is None or not store.exists(spec.drawing):
        return None
    return from_facts(json.loads(store.read(spec.drawing)))


def _can_compile(wanted: bool) -> bool:
    if wanted and not compiler():
        log.warning("there is no C compiler here: the model's blocks are not compiled, pictures take longer")
        return False
    return wanted
