"""What engines at all services share: the twin's facts, the pictures of a job, each finished here.

Thread-safe and torch-free; no lock is held while something is waited for."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ml.animation import AnimateSpec, Clip
from ml.animation import refusal as no_clip
from ml.catalogue import SERVICES, Base, serves
from ml.engine import tell
from ml.errors import Away, MLError
from ml.lorafile import checksum, facts_of
from ml.remote.circuit import Circuit
from ml.remote.desk import Desk
from ml.remote.journal import FolderJournal
from ml.remote.pictures import Fetch, Ready, Wanted
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

# LoRA files and archives of photos in memory at once. Each takes its size about twice at most: while it is
# read (sealed and plain), and while its header is replaced (before and after).
LARGE_AT_ONCE = 2
FEW_AT_ONCE = 4  # pictures in memory at once; the others wait where they were made
KEEP_FACTS, FACTS_SECONDS = 64, 600.0


class RemoteEngine:
    """Renders at a service; see FalEngine, TogetherEngine for what they ask there."""

    def __init__(self, base: Base, *, desk: Desk, owns_desk: bool, circuit: Circuit):
        self.base, self.desk, self.owns_desk, self.circuit = base, desk, owns_desk, circuit
        self.large = threading.BoundedSemaphore(LARGE_AT_ONCE)
        self.few = threading.BoundedSemaphore(FEW_AT_ONCE)
        self.now: Callable[[], float] = time.time  # tests replace it
        self._facts = Facts()

    def close(self) -> None:
        if self.owns_desk:
            self.desk.close()

    def train(
        self, spec: TrainSpec, *, store: Store, on_progress: Progress = go_on, journal: Journal | None = None
    ) -> TrainReport:
        company = SERVICES[self.base.service].company
        raise MLError("engine_trains_none", f"{company} trains no twins. Choose another engine for it.")

    def restore(self, spec: RestoreSpec, *, on_progress: Progress = go_on) -> Restored:
        raise MLError("restorer_missing", "Pictures are restored on this machine, by a local engine.")

    def render(
        self,
        spec: RenderSpec,
        *,
        store: Store | None = None,
        on_progress: Progress = go_on,
        journal: Journal | None = None,
    ) -> Iterator[Picture]:
        screening.refuse_prompt(spec.prompt, spec.negative_prompt)
        if spec.reference:
            raise self._without_reference()
        facts = self.read(spec, store)
        journal = journal or self._own_journal(spec, store)
        refused, error = 0, None
        for one, ready in self._pictures(spec, facts, store, on_progress, journal):
            start = time.monotonic()
            try:
                done = self._finished(ready(), one, spec, facts, start, on_progress)
            except Away:
                raise
            except MLError as e:
                error, done = e, None
            if done is None:
                refused += 1
            else:
                yield done
        _raise_at_the_end(refused, spec.count, error)
        on_progress("done", 1.0)

    def enlarge(
        self, spec: RenderSpec, *, times: int, store: Store, on_progress: Progress = go_on
    ) -> Picture:
        raise self._without_reference()

    def animate(
        self,
        spec: AnimateSpec,
        *,
        store: Store | None = None,
        on_progress: Progress = go_on,
        journal: Journal | None = None,
    ) -> Clip:
        raise no_clip("engine_without_video")

    def _without_reference(self) -> MLError:
        company = SERVICES[self.base.service].company
        what = f"{company} cannot begin from one of your pictures. Choose another engine."
        return MLError("engine_without_reference", what)

    def _pictures(
        self,
        spec: RenderSpec,
        facts: Mapping[str, Any],
        store: Store | None,
        on_progress: Progress,
        journal: Journal,
    ) -> Iterator[tuple[Wanted, Ready]]:
        """Each picture with a function that waits for it."""
        raise NotImplementedError

    def _finished(
        self,
        fetch: Fetch,
        one: Wanted,
        spec: RenderSpec,
        facts: Mapping[str, Any],
        start: float,
        on_progress: Progress,
    ) -> Picture | None:
        tell(on_progress, "finishing", (one.seed - spec.seed) / spec.count)
        with self.few:
            return self.desk.finish(
                fetch(),
                prompt=spec.prompt,
                seed=one.seed,
                twin=facts,
                seconds=time.monotonic() - start,
                engine=self.base.name,
                longest=spec.longest,
            )

    def read(self, spec: RenderSpec, store: Store | None) -> Mapping[str, Any]:
        """The facts of the twin's file; {} for the base alone. MLError `lora_missing`, `lora_broken`,
        `lora_other_base`."""
        if spec.lora is None:
            return {}
        key = (spec.lora, spec.sha256)
        facts = self._facts.get(key) if spec.sha256 else None
        if facts is None:
            with self.large:
                facts = facts_of(self.data_of(spec, store))
            self._facts.put(key, facts)
        trained_on = str(facts.get("base", "another program's"))
        if not serves(self.base, trained_on):
            what = f"This twin was trained on the base {trained_on}, which {self.base.name} does not render."
            raise MLError("lora_other_base", f"{what} Choose that base or train the twin again.")
        return facts

    def _own_journal(self, spec: RenderSpec, store: Store | None) -> FolderJournal:
        """For the command line, where one twin's file may lie in another's place."""
        lora = checksum(self.data_of(spec, store)) if spec.lora else ""
        how = (spec.subject, spec.style, spec.era, spec.aspect, spec.quality, spec.steps)
        about = digest(spec.prompt, lora, *how)
        return FolderJournal(store or MemoryStore(), "pictures", about, lora=lora)

    def data_of(self, spec: RenderSpec, store: Store | None) -> bytes:
        if store is None or spec.lora is None or not store.exists(spec.lora):
            raise MLError("lora_missing", "The twin's file is not there. Train the twin again.")
        data = store.read(spec.lora)
        if spec.sha256 not in (None, checksum(data)):
            changed = "The twin's file has changed since it was trained. Train the twin again."
            raise MLError("lora_broken", changed)
        return data

    def wanted(self, spec: RenderSpec) -> list[Wanted]:
        seeds = range(spec.seed, spec.seed + spec.count)
        how = {"aspect": spec.aspect, "quality": spec.quality, "era": spec.era}
        return [
            Wanted(f"picture-{seed}", spec.prompt, spec.style, seed, steps=spec.steps, **how)
            for seed in seeds
        ]


class Facts:
    """The facts of the twins used last, each for ten minutes: they hold a face's vector."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self.now = now
        self._kept: OrderedDict[Any, tuple[float, Mapping[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> Mapping[str, Any] | None:
        with self._lock:
            at, facts = self._kept.get(key, (0.0, None))
            return facts if facts is not None and self.now() - at < FACTS_SECONDS else None

    def put(self, key: Any, facts: Mapping[str, Any]) -> None:
        with self._lock:
            self._kept[key] = self.now(), facts
            self._kept.move_to_end(key)
            oldest = self.now() - FACTS_SECONDS
            while len(self._kept) > KEEP_FACTS or next(iter(self._kept.values()))[0] < oldest:
                self._kept.popitem(last=False)


class MemoryStore:
    """For pictures without a store: their journal ends with the process."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, name: str) -> bytes:
        return self.files[name]

    def write(self, name: str, data: bytes) -> None:
        self.files[name] = data

    def exists(self, name: str) -> bool:
        return name in self.files

    def delete(self, name: str) -> None:
        self.files.pop(name, None)


def _raise_at_the_end(refused: int, count: int, error: MLError | None) -> None:
    """The other pictures were delivered first."""
    if error is not None and error.code != "result_refused":
        raise error
    if refused:
        what = f"{refused} of {count} pictures may not be shown. Change the prompt and try again."
        raise MLError("result_refused", what)


def about_training(spec: TrainSpec) -> str:
    """Tells a training from another under the same name."""
    return digest(*(photo.id for photo in spec.photos), spec.subject, spec.seed, spec.steps)


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
