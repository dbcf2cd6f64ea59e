"""The studio that runs on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml import media, safety
from ml.errors import DeviceLost, MLError, Stopped
from ml.faces import Faces, compare
from ml.local import dataset, fitting, lora, select
from ml.local.attention import short_attention
from ml.local.bases import Base, base_of
from ml.local.flux import compiler, encode_text, load_pipeline, plainly, quicken
from ml.local.memory import TrainingPlan
from ml.local.sample import Painter, compose
from ml.local.train import Run, identity_of, steps_for, train
from ml.local.weights import Recent, checksum, dump, parse
from ml.provenance import Signer
from ml.studio import go_on
from ml.types import Face, Inspection, Picture, Progress, RenderSpec, Store, TrainReport, TrainSpec
from ml.watermark import embed as embed_mark

log = logging.getLogger(__name__)

LEAST_PHOTOS = 4
SAMPLES = 4  # pictures that come with a training


# What PyTorch and oneDNN say on a CPU, where there is no class of error for it.
NO_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "could not create a primitive",
    "could not create a memory",
)


@contextlib.contextmanager
def _memory() -> Iterator[None]:
    """Running out of memory is an answer, not a crash; an accelerator that is gone is neither."""
    try:
        yield
    except (MemoryError, RuntimeError) as e:
        known = isinstance(e, (torch.OutOfMemoryError, MemoryError))
        if isinstance(e, torch.AcceleratorError) and not known:
            raise DeviceLost(str(e)) from e
        if not known and not any(words in str(e) for words in NO_MEMORY):
            raise
        raise MLError(
            "out_of_memory",
            "There is not enough memory for this. Close other programs, or choose a smaller size.",
        ) from e


class LocalStudio:
    """See ml.studio.Studio. One job at a time: a lock guards the models."""

    def __init__(
        self,
        profile: str,
        *,
        source: str | Path | None = None,
        keys: Path | None = None,
        device: str | None = None,
        threads: int | None = None,
        faces: Faces | None = None,
        compiled: bool | None = None,
        in_8_bits: bool = False,
    ):
        self.base: Base = base_of(profile, source)
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.in_8_bits = in_8_bits
        self.compiled = self.device != "cpu" if compiled is None else compiled
        if self.compiled and not compiler():
            log.warning(
                "there is no C compiler here: the model's blocks are not compiled, pictures take longer"
            )
            self.compiled = False
        self.keys = keys or Path(os.environ.get("PHOTOFLUX_KEYS", "var/keys"))
        if threads:
            torch.set_num_threads(threads)
        self.faces = faces or Faces()
        self._lock = threading.RLock()
        self._recent = Recent()
        self._loaded: tuple[Any, Painter, lora.Swapper] | None = None
        self._quick = False  # whether what is loaded is compiled

    @cached_property
    def signer(self) -> Signer:
        return Signer.open(self.keys)

    def _models(self, *, exact: bool = False) -> tuple[Any, Painter, lora.Swapper]:
        """What is loaded fits, or MLError `does_not_fit` says so before a weight is read. `exact`: in 8 bits only if it must be."""
        if self._loaded is None:
            plan = fitting.serving(self.base, self.device)
            log.info("%s, serving: %s", self.base.name, plan.says())
            less = plan.transformer_in_8_bits or (self.in_8_bits and not exact)
            with _memory():
                pipe = load_pipeline(self.base, self.device, in_8_bits=less, text_on_host=plan.text_on_host)
            self._loaded = pipe, Painter(pipe, self.base), lora.Swapper(pipe, self.base, always=self.compiled)
        return self._loaded

    def close(self) -> None:
        with self._lock:
            self._loaded, self._quick = None, False
            if self.device == "cuda":
                torch.cuda.empty_cache()

    # ------------------------------------------------------------ verbs

    def inspect(self, data: bytes, others: Sequence[Inspection] = ()) -> Inspection:
        with _memory():
            return self.faces.inspect(data, others)

    def compare(self, said: Inspection, others: Sequence[Inspection]) -> Inspection:
        return compare(said, others)

    def embed(self, picture: bytes) -> list[tuple[Face, tuple[float, ...]]]:
        with _memory():
            found = self.faces.describe(media.to_array(picture))
        return [(face, tuple(float(v) for v in vector)) for face, vector in found]

    def train(self, spec: TrainSpec, *, store: Store, on_progress: Progress = go_on) -> TrainReport:
        if len(spec.photos) < LEAST_PHOTOS:
            raise MLError(
                "not_enough_photos",
                f"A twin needs at least {LEAST_PHOTOS} accepted photos, better ten or more; here are {len(spec.photos)}.",
            )
        if spec.threads:
            torch.set_num_threads(spec.threads)
        with self._lock, _memory():
            if self.in_8_bits:
                self.close()
            pipe, _, swapper = self._models(exact=True)
            swapper.take_off()
            plainly(pipe.transformer, pipe.vae)
            self._quick = False
            plan = fitting.training(self.base, self.device, pipe)
            log.info("%s, training: %s", self.base.name, plan.says())
            try:
                return self._train(pipe, plan, spec, store, on_progress)
            finally:
                lora.remove(pipe.transformer)
                if plan.savings.base_in_8_bits or self.in_8_bits:
                    self.close()  # serving loads it its own way again

    def _train(
        self, pipe: Any, plan: TrainingPlan, spec: TrainSpec, store: Store, on_progress: Progress
    ) -> TrainReport:
        base, start = replace(self.base, sizes=replace(self.base.sizes, train=plan.sizes)), time.monotonic()
        tell(on_progress, "preparing", 0.0)
        vectors = self._vectors(spec, on_progress)
        train_on, held_out = select.split(len(spec.photos), base.recipe.holdout, spec.seed)
        photos = tuple(spec.photos[i] for i in train_on)
        examples = dataset.build(pipe, base, self.faces, photos, spec.subject, self._captioner())
        empty = encode_text(pipe, base, "")
        steps = spec.steps or steps_for(base, len(photos))

        judge = select.Judge(
            Painter(pipe, base), base, self.faces, spec.subject, vectors[held_out], vectors[train_on]
        )
        unlike = judge.look(twin=False, tell=lambda s: tell(on_progress, "measuring the base", s))

        checkpoint = f"{spec.name}/checkpoint.safetensors"
        with fitting.trainee(pipe, base, self.device, plan, steps) as net, short_attention(net, self.device):
            lora.add_assistant(net, base)
            optimizer = "adamw-8bit" if plan.savings.adamw_in_8_bits else "adamw"
            run = Run.start(
                net,
                base,
                spec.seed,
                painter=None if net is pipe.transformer else pipe.transformer,
                optimizer=optimizer,
            )
            lora.use(net, training=True)
            if store.exists(checkpoint):
                run.restore(store.read(checkpoint), identity_of(spec, base, steps))
            done_before = run.step
            seconds = train(run, base, examples, empty, spec, steps, store, on_progress)
            lora.use(net, training=False)
        run.rest()
        del net
        chosen = select.choose(run, judge, unlike, lambda s: tell(on_progress, "choosing the best", s))

        facts = {
            "base": base.name,
            "subject": spec.subject,
            "step": chosen.step,
            "rank": base.rank,
            "embedder": self.faces.name,
            "reference": [round(float(v), 5) for v in vectors.mean(0)],
        }
        tensors = {
            lora.file_name(n): p.detach().half() for n, p in zip(lora.names(pipe.transformer), run.shown)
        }
        data = dump(tensors, facts)
        name = f"{spec.name}/lora.safetensors"
        store.write(name, data)
        samples = self._samples(chosen, judge.painter, facts, spec, store, on_progress)
        store.delete(checkpoint)
        on_progress("done", 1.0)
        tail = max(len(run.losses) // 10, 1)
        return TrainReport(
            lora=name,
            sha256=checksum(data),
            steps=steps,
            seconds=time.monotonic() - start,
            seconds_per_step=seconds / max(steps - done_before, 1),
            loss_first=float(np.mean(run.losses[:tail])),
            loss_last=float(np.mean(run.losses[-tail:])),
            checkpoint=chosen.step,
            likeness=chosen.likeness,
            likeness_base=judge.likeness(unlike.vectors),
            likeness_real=judge.real,
            recognised=chosen.likeness >= base.floor,
            scores=chosen.scores,
            samples=samples,
            memory=plan.says(),
        )

    def _samples(
        self,
        chosen: select.Choice,
        painter: Painter,
        facts: dict[str, Any],
        spec: TrainSpec,
        store: Store,
        on_progress: Progress,
    ) -> tuple[str, ...]:
        """Some of the pictures by which the checkpoint was chosen, screened, marked and signed like any other."""
        names: list[str] = []
        for i, (prompt, seed, raw) in enumerate(chosen.pictures[:SAMPLES]):
            tell(on_progress, "finishing", i / SAMPLES)
            try:
                picture = self._finish(painter.deliver(raw), prompt, seed, facts, time.monotonic())
            except MLError as e:
                if e.code != "screening_unavailable":
                    raise
                break  # a twin without samples is better than none
            if picture:
                names.append(f"{spec.name}/samples/{len(names)}.png")
                store.write(names[-1], picture.png)
        return tuple(names)

    def _vectors(self, spec: TrainSpec, on_progress: Progress) -> np.ndarray:
        """(photos, D); MLError when a photo's face is gone."""
        out = []
        for i, photo in enumerate(spec.photos):
            tell(on_progress, "preparing", 0.5 * i / len(spec.photos))
            found = self.faces.describe(media.to_array(photo.clean))
            if not found:
                raise MLError(
                    "no_face", f"No face was found in the photo {photo.id}. Take it out and start again."
                )
            out.append(found[0][1])
        return np.array(out, np.float32)

    def _captioner(self) -> dataset.Captioner:
        if self.base.name != "nano" or self.base.recipe.captions == "plain":
            return dataset.plain_caption
        from ml.nets.reader import Reader

        return Reader.open()

    def render(
        self, spec: RenderSpec, *, store: Store | None = None, on_progress: Progress = go_on
    ) -> Iterator[Picture]:
        safety.refuse_prompt(spec.prompt, spec.negative_prompt)
        with self._lock:
            loaded = self._read(spec, store)
        refused = 0
        for first in range(0, spec.count, self.base.batch):
            tell(on_progress, "rendering", first / spec.count)
            seeds = range(spec.seed + first, spec.seed + min(first + self.base.batch, spec.count))
            # The lock is not held while the caller looks at a picture: another twin may be worn in between.
            with self._lock, _memory():
                painter = self._wearing(*loaded)
                made = self._some(painter, spec, loaded[2], seeds)
            refused += made.count(None)
            yield from filter(None, made)
        if refused:
            raise MLError(
                "result_refused",
                f"{refused} of {spec.count} pictures may not be shown. Change the prompt and try again.",
            )
        on_progress("done", 1.0)

    def _wearing(self, *loaded: Any) -> Painter:
        pipe, painter, swapper = self._models()
        swapper.wear(*loaded)
        if self.compiled and not self._quick:
            quicken(
                pipe.transformer, None if self.device == "cpu" else pipe.vae
            )  # on one it gains nothing, measured
            self._quick = True
        return painter

    def _read(
        self, spec: RenderSpec, store: Store | None
    ) -> tuple[str | None, dict[str, Any] | None, dict[str, Any]]:
        """(checksum, tensors, facts) of the twin's file; (None, None, {}) for the base alone."""
        if spec.lora is None:
            return None, None, {}
        if store is None or not store.exists(spec.lora):
            raise MLError("lora_missing", "The twin's file is not there. Train the twin again.")
        name, read = spec.lora, store.read

        def load() -> tuple[str, dict[str, Any], dict[str, Any]]:
            data = read(name)
            return checksum(data), *parse(data, spec.sha256)

        # A name says whose training it is; without a checksum nobody says that the file is still the same.
        loaded: tuple[str, dict[str, Any], dict[str, Any]]
        loaded = self._recent.get((name, spec.sha256), load) if spec.sha256 else load()
        return loaded

    def _some(
        self, painter: Painter, spec: RenderSpec, facts: dict[str, Any], seeds: Sequence[int]
    ) -> list[Picture | None]:
        """None for a picture that may not be shown."""
        start = time.monotonic()
        text = compose(
            spec.prompt, spec.style, facts.get("subject", spec.subject), twin=spec.lora is not None
        )
        size, steps = self.base.sizes.by_aspect[spec.aspect], painter.steps(spec)
        raw = painter.paint_some(
            [text] * len(seeds), size=size, steps=steps, seeds=seeds, negative=spec.negative_prompt
        )
        each = (time.monotonic() - start) / len(seeds)
        out = []
        for picture, seed in zip(raw, seeds):
            begin = time.monotonic() - each
            out.append(
                self._finish(
                    media.within(painter.deliver(picture), spec.longest), spec.prompt, seed, facts, begin
                )
            )
        return out

    def _finish(
        self, picture: np.ndarray, prompt: str, seed: int, facts: dict[str, Any], start: float
    ) -> Picture | None:
        """A picture as it is delivered, from one of its full size; None when it may not be shown."""
        verdict = safety.screen_picture(picture)
        if verdict.label == "unavailable":
            raise MLError(
                "screening_unavailable", "Pictures cannot be checked now. Try again in some minutes."
            )
        if not verdict.safe:
            return None
        ident = secrets.randbits(32)
        png = media.encode_png(embed_mark(picture, ident))
        png = self.signer.sign(
            png, "image/png", engine=self.base.name, ident=ident, created=datetime.now(UTC)
        )
        return Picture(
            png=png,
            prompt=prompt,
            seed=seed,
            width=picture.shape[1],
            height=picture.shape[0],
            likeness=self._likeness(picture, facts),
            safety=verdict.score,
            seconds=time.monotonic() - start,
            mark=ident,
            engine=self.base.name,
        )

    def _likeness(self, picture: np.ndarray, facts: dict[str, Any]) -> float | None:
        """Mean cosine to the twin's photos (their mean vector is in its file); None without a twin, or of another embedder."""
        if facts.get("embedder") != self.faces.name:
            return None
        found = self.faces.describe(picture)
        return round(float(found[0][1] @ np.asarray(facts["reference"], np.float32)), 4) if found else None


def tell(on_progress: Progress, stage: str, share: float) -> None:
    """Say how far the work is; raises Stopped when the caller asks for it."""
    if on_progress(stage, share):
        raise Stopped
