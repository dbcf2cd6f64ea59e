"""Makes a twin from accepted photos: measure, train, choose the best checkpoint, write the file, finish
samples."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ml import media
from ml.avatar.avatar import Avatar
from ml.catalogue import Base
from ml.engine import tell
from ml.errors import MLError
from ml.faces import Described, Faces
from ml.likeness import facts_of
from ml.local import avatars, dataset, fitting, lora, select
from ml.local.attention import short_attention
from ml.local.captions import captioner_of
from ml.local.dataset import Example
from ml.local.families import encode_text
from ml.local.latents import unpack
from ml.local.memory import TrainingPlan
from ml.local.sample import Raw, Sampler
from ml.local.train import TrainingState, identity_of, steps_for, train
from ml.local.weights import dump
from ml.lorafile import checksum
from ml.prompts import compose
from ml.selection import SAMPLES, Known, in_one_space, no_face_in, scenes_of, split
from ml.types import Picture, Progress, Store, TrainReport, TrainSpec

Finish = Callable[..., Picture | None]  # finish.finish with engine, faces and signer bound


@dataclass
class TwinTraining:
    """A training on a loaded pipeline. Call `run` once."""

    pipe: Any
    base: Base
    device: str
    plan: TrainingPlan
    faces: Faces
    finish: Finish
    spec: TrainSpec
    store: Store
    on_progress: Progress
    start: float = field(default_factory=time.monotonic)
    avatar: Avatar | None = None  # what the twin shows, where it is not the photos
    eyes: str = ""  # their colour in drawn photos, on a base that draws

    def __post_init__(self) -> None:
        self.base = replace(self.base, sizes=replace(self.base.sizes, train=self.plan.sizes))

    def run(self) -> TrainReport:
        self._tell("preparing", 0.0)
        vectors, embedder = self._described()
        train_on, held_out = split(len(vectors), self.base.recipe.holdout, self.spec.seed)
        examples = self._examples(train_on)
        steps = self.spec.steps or steps_for(self.base, len(train_on))
        scorer = self._scorer(embedder, vectors[held_out], vectors[train_on])
        unlike = scorer.observe(twin=False, tell=lambda s: self._tell("measuring the base", s))
        known = self._person(examples) | facts_of(vectors, embedder)
        scorer.sampler.person = avatars.person_in(known)
        state, pace = self._train(examples, steps, partial(self._preview, scorer.sampler, known))
        chosen = select.choose(state, scorer, unlike, lambda s: self._tell("choosing the best", s))
        facts = self._facts(chosen.step) | known
        sha256 = self._write(state, facts)
        samples = self._samples(chosen, scorer.sampler, facts)
        self.store.delete(self._checkpoint)
        self.on_progress("done", 1.0)
        return self._report(chosen, state, scorer, unlike, steps, pace, sha256, samples)

    def _report(
        self,
        chosen: select.Choice,
        state: TrainingState,
        scorer: select.CheckpointScorer,
        unlike: select.Seen,
        steps: int,
        pace: float,
        sha256: str,
        samples: tuple[str, ...],
    ) -> TrainReport:
        tail = max(len(state.losses) // 10, 1)
        return TrainReport(
            lora=self._lora,
            sha256=sha256,
            steps=steps,
            seconds=time.monotonic() - self.start,
            seconds_per_step=pace,
            loss_first=float(np.mean(state.losses[:tail])),
            loss_last=float(np.mean(state.losses[-tail:])),
            checkpoint=chosen.step,
            **self._likeness(chosen.likeness, scorer.likeness(unlike.vectors), scorer.real),
            recognised=chosen.likeness >= self.base.floor,
            scores=chosen.scores,
            samples=samples,
            memory=self.plan.says(),
        )

    def _likeness(self, twin: float, base: float, photos: float) -> dict[str, Any]:
        """An avatar's figures say how well the twin draws the avatar, nothing about the person."""
        if self.avatar:
            return {"likeness": None, "avatar": self.avatar.facts(), "avatar_shown": twin}
        return {"likeness": twin, "likeness_base": base, "likeness_real": photos}

    @property
    def _checkpoint(self) -> str:
        return f"{self.spec.name}/checkpoint.safetensors"

    @property
    def _lora(self) -> str:
        return f"{self.spec.name}/lora.safetensors"

    def _tell(self, stage: str, share: float) -> None:
        tell(self.on_progress, stage, share)

    # ---------------------------------------------------------------- before the loop

    def _described(self) -> tuple[np.ndarray, str]:
        """Face vectors (photos, D), all by the embedder that suits most photos, and its name. Of drawings of
        the avatar where one is needed: from here on they are the photos."""
        pictures, found = self._faces()
        vectors, embedder = self._vectors(pictures, found)
        if not avatars.is_needed(self.base, embedder):
            self.eyes = "" if self.base.photorealistic else avatars.eyes_in(pictures, found)
            return vectors, embedder
        self.avatar = avatars.avatar_of(self.spec, pictures, found)
        self.spec = avatars.drawn(self.spec, self.avatar)
        return self._vectors(*self._faces())

    def _faces(self) -> tuple[list[np.ndarray], list[Described]]:
        """The photos and the face in each. MLError `no_face`."""
        pictures = [media.to_array(photo.clean) for photo in self.spec.photos]
        found: list[Described] = []
        for i, picture in enumerate(pictures):
            self._tell("preparing", 0.5 * i / len(pictures))
            described = self.faces.describe(picture)
            if not described:
                raise no_face_in(self.spec.photos[i].id)
            found.append(described[0])
        return pictures, found

    def _vectors(self, pictures: list[np.ndarray], found: list[Described]) -> tuple[np.ndarray, str]:
        def again(i: int, embedder: str) -> np.ndarray:
            vector = self.faces.embedders.vector(embedder, pictures[i], found[i].face)
            assert vector is not None
            return vector

        return in_one_space([(one.embedder, one.vector) for one in found], again)

    def _examples(self, train_on: list[int]) -> list[Example]:
        photos = tuple(self.spec.photos[i] for i in train_on)
        captioner = captioner_of(self.base)
        return dataset.build(self.pipe, self.base, self.faces, photos, self.spec.subject, captioner)

    def _scorer(self, embedder: str, held_out: np.ndarray, trained: np.ndarray) -> select.CheckpointScorer:
        known = Known(embedder, held_out, trained)
        return select.CheckpointScorer(
            Sampler(self.pipe, self.base), self.base, self.faces, self.spec.subject, known
        )

    # ---------------------------------------------------------------- the loop

    def _train(
        self, examples: list[Example], steps: int, preview: Callable[[TrainingState], None]
    ) -> tuple[TrainingState, float]:
        """(the trained state, seconds per step). Resumes from the store's checkpoint."""
        pipe, base, empty = self.pipe, self.base, encode_text(self.pipe, self.base, "")
        with (
            fitting.trainee(pipe, base, self.device, self.plan, steps) as net,
            short_attention(net, self.device),
        ):
            state = self._state(net, steps)
            before = state.step
            told = partial(preview, state)
            seconds = train(
                state, base, examples, empty, self.spec, steps, self.store, self.on_progress, told
            )
            lora.use(net, training=False)
        state.release()
        return state, seconds / max(steps - before, 1)

    def _state(self, net: Any, steps: int) -> TrainingState:
        lora.add_training_adapter(net, self.base)
        state = TrainingState.start(
            net,
            self.base,
            self.spec.seed,
            sampling=None if net is self.pipe.transformer else self.pipe.transformer,
            optimizer="adamw-8bit" if self.plan.savings.adamw_in_8_bits else "adamw",
        )
        lora.use(net, training=True)
        if self.store.exists(self._checkpoint):
            state.restore(self.store.read(self._checkpoint), identity_of(self.spec, self.base, steps))
        return state

    def _preview(self, sampler: Sampler, known: dict[str, Any], state: TrainingState) -> None:
        """Stores a draft by the newest checkpoint, for somebody who waits; always the same scene. Only on the
        small base that draws: elsewhere a picture takes too much of the time."""
        number = next((n for n in range(SAMPLES) if not self.store.exists(self._sample_file(n))), None)
        if self.base.photorealistic or number is None:
            return
        prompt, style, seed = scenes_of(self.base)[0]
        text = compose(prompt, style, self.spec.subject, twin=True)
        size, steps = self.base.sizes.by_aspect["1:1"], self.base.steps[0]
        with state.showing(state.kept[state.step]):
            raw = sampler.raw_batch([text], size=size, steps=steps, seeds=[seed])[0]
        facts = self._facts(state.step) | known
        self._sample(number, sampler, (prompt, seed, raw), facts)

    # ---------------------------------------------------------------- after the loop

    def _facts(self, step: int) -> dict[str, Any]:
        """The facts in the twin's file; likeness.facts_of has those on the photos."""
        return {"base": self.base.name, "subject": self.spec.subject, "step": step, "rank": self.base.rank}

    def _person(self, examples: list[Example]) -> dict[str, Any]:
        """What a base that draws knows of the person: the avatar, or what it reads in drawn photos."""
        if self.avatar:
            return {"avatar": self.avatar.facts()}
        decoder = getattr(self.pipe, "own_decoder", None)
        if decoder is None:
            return {}
        latents = [unpack(one.latents, one.size[1] // 8, one.size[0] // 8)[0] for one in examples]
        person = replace(decoder.person_of(latents), eyes=self.eyes)
        return {"drawn": Avatar(person).facts(), "eyes": self.eyes}

    def _write(self, state: TrainingState, facts: dict[str, Any]) -> str:
        """Writes the twin's file and returns its checksum."""
        names = lora.names(self.pipe.transformer)
        data = dump({lora.file_name(n): p.detach().half() for n, p in zip(names, state.shown)}, facts)
        self.store.write(self._lora, data)
        return checksum(data)

    def _samples(self, chosen: select.Choice, sampler: Sampler, facts: dict[str, Any]) -> tuple[str, ...]:
        """Finishes and stores some of the pictures by which the checkpoint was chosen."""
        names: list[str] = []
        for i, made in enumerate(chosen.pictures[:SAMPLES]):
            self._tell("finishing", i / SAMPLES)
            if name := self._sample(len(names), sampler, made, facts):
                names.append(name)
        for number in range(len(names), SAMPLES):
            self.store.delete(self._sample_file(number))  # drafts of the checkpoints
        return tuple(names)

    def _sample_file(self, number: int) -> str:
        return f"{self.spec.name}/samples/{number}.png"

    def _sample(
        self, number: int, sampler: Sampler, made: tuple[str, int, Raw], facts: dict[str, Any]
    ) -> str:
        """The name of the stored sample; "" for a picture that may not be shown, or cannot be screened: a
        twin without samples is better than none."""
        prompt, seed, raw = made
        picture, start = sampler.deliver(raw, seed, prompt).picture, time.monotonic()
        try:
            done = self.finish(picture, prompt=prompt, seed=seed, twin=facts, start=start)
        except MLError as e:
            if e.code != "screening_unavailable":
                raise
            return ""
        if done is None:
            return ""
        self.store.write(self._sample_file(number), done.png)
        return self._sample_file(number)
