"""The types in the interfaces `judge` and `engine`: frozen dataclasses, no torch, pictures as encoded
bytes.

Boxes are (x1, y1, x2, y2) in pixels of the upright picture. Scores are 0..1. Likeness is the
probability of the same person, 0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Box = tuple[float, float, float, float]

PHOTO_CODES = (
    "not_an_image",
    "unsupported_format",
    "unreadable",
    "too_small",
    "too_large",
    "no_face",
    "several_faces",
    "face_too_small",
    "face_cut_off",
    "face_hidden",
    "blurred",
    "too_dark",
    "too_bright",
    "duplicate",
    "other_person",
    "not_adult",
    "unsafe",
)
# A selfie's movements; left and right are the person's own.
SELFIE_STEPS = ("left", "right", "up", "blink")
SELFIE_CODES = (
    "selfie_no_face",
    "selfie_several_faces",
    "selfie_too_dark",
    "selfie_too_small",
    "selfie_blurred",
    "selfie_still",
    "selfie_screen",
    "selfie_wrong_movement",
    "selfie_other_face",
    "selfie_unreadable",
    "selfie_drawn",
)
STYLES = ("photorealistic", "cinematic", "artistic", "anime", "vintage", "noir", "watercolour", "fantasy")
ERAS = ("1920s", "1940s", "1950s", "1960s", "1970s", "1980s", "1990s")  # that pictures may show
ASPECTS = ("1:1", "4:5", "3:4", "2:3", "9:16", "16:9", "3:2")
QUALITIES = ("draft", "standard", "high")
SUBJECTS = ("person", "woman", "man")
STRENGTH = (0.1, 1.0)  # of image-to-image and repairs: how much may change, least and most
REGIONS = ("eyes", "mouth", "face", "clothes", "background")  # parts that a repair finds by the face

# on_progress(stage, share 0..1): returning True asks the work to stop at the next safe point.
Progress = Callable[[str, float], bool]


def go_on(stage: str, share: float) -> bool:
    """A progress callback that never stops the work."""
    return False


class Store(Protocol):
    """File storage: a folder on the command line, the vault in the web application. Writes are
    atomic."""

    def read(self, name: str) -> bytes: ...
    def write(self, name: str, data: bytes) -> None: ...
    def exists(self, name: str) -> bool: ...
    def delete(self, name: str) -> None: ...


@dataclass(frozen=True)
class Request:
    """One request at a service. `reference` is ours, a UUID that stands in the webhook's address;
    `request_id` is theirs, "" until they answered. `key` names the key that it was sent with, never the key
    itself. `urls`: of its status, its response and its cancellation. `began`: seconds since 1970."""

    reference: str
    service: str
    model: str
    key: str = ""
    request_id: str = ""
    urls: tuple[str, str, str] = ("", "", "")
    began: float = 0.0


class Journal(Protocol):
    """Remembers one run's requests at services, so that none is sent twice and none is lost. `work` names a
    piece of the run: "training", "scene-3", "picture-17" (by seed)."""

    def open(self, work: str) -> Request | None:
        """The newest request of this piece of work, also one that ended: its result can be asked for again.
        None for one that was cancelled or written off, and for one that failed before it had an id."""
        ...

    def begin(self, work: str, service: str, model: str) -> Request:
        """A new request. It is remembered for good when this returns: before anything is sent."""
        ...

    def sent(self, request: Request) -> None:
        """Remembers their id and addresses, for good when this returns."""
        ...

    def named(self, request: Request) -> str:
        """Their id as a webhook told it, where the answer to the submit was lost; "" if none did."""
        ...

    def ended(self, request: Request, state: str) -> None:
        """`state`: one of "delivered", "refused", "failed", "lost", "written_off"."""
        ...

    def webhook(self, request: Request) -> str:
        """The address that the service shall tell of the end; "" when ours cannot be reached from outside."""
        ...

    def wait(self, request: Request, seconds: float) -> None:
        """Returns after `seconds`, or as soon as a webhook of this request came."""
        ...

    def copy(self, service: str, name: str) -> str:
        """The address of a copy there of this file of the store that is still live; "" if there is none."""
        ...

    def copied(self, service: str, name: str, url: str, seconds: float) -> None:
        """Remembers such a copy, which lives for `seconds`."""
        ...


@dataclass(frozen=True)
class Face:
    """A detected face. `points` (x, y): left eye, right eye, nose, left and right corner of the mouth, as
    seen in the picture."""

    box: Box
    score: float
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Inspection:
    """The verdict on one photo. `code` is empty when accepted; `detail` is one sentence that says what to do.

    `hints`, such as "smiling", never refuse a photo. `yaw`: degrees, positive towards the picture's right.
    `points` (x, y): the face's five, see Face, in pixels like `box`. `light`: the face's mean brightness,
    0..1. `warmth`: its red / blue. `sharpness`: see measures.py.
    `embedding`: by the model `embedder`. `hash`: 64-bit perceptual hash. `clean`: the JPEG that
    is kept; `read` fetches it where it is not at hand, b"" when it is gone."""

    accepted: bool
    code: str = ""
    detail: str = ""
    box: Box | None = None
    points: tuple[tuple[float, float], ...] = ()
    width: int = 0
    height: int = 0
    yaw: float = 0.0
    light: float = 0.0
    warmth: float = 1.0
    sharpness: float = 0.0
    hints: tuple[str, ...] = ()
    embedding: tuple[float, ...] = ()
    embedder: str = ""
    hash: int = 0
    clean: bytes = field(default=b"", repr=False)
    read: Callable[[], bytes] | None = field(default=None, repr=False, compare=False)

    def pixels(self) -> bytes:
        """The clean JPEG, b"" when it is not at hand."""
        return self.clean or (self.read() if self.read else b"")


@dataclass(frozen=True)
class Movement:
    """The frames of one movement of a live selfie, in order of time. `step`: one of SELFIE_STEPS. `frames`:
    JPEG or WebP, about 640 px wide and a quarter of a second apart."""

    step: str
    frames: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True)
class SelfieVerdict:
    """The verdict on a live selfie. `code` is empty when accepted; `detail` is one sentence that says what to
    do; `step` is the index of the movement that was refused, None for the whole selfie.

    `review`: "maybe_minor" when a person should look although it is accepted. `likeness`: the probability
    that the selfie and each photo show one person, None for a photo that is not judged. `face`: JPEG of the
    best frame from the front; `embedding` by the model `embedder`. `prints`: a
    perceptual hash of each frame, to tell frames of an earlier selfie. `measures`: plain JSON for staff."""

    accepted: bool
    code: str = ""
    detail: str = ""
    step: int | None = None
    review: str = ""
    likeness: tuple[float | None, ...] = ()
    face: bytes = field(default=b"", repr=False)
    embedding: tuple[float, ...] = ()
    embedder: str = ""
    prints: tuple[int, ...] = ()
    measures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Photo:
    """An accepted photo for a training. `id` never changes; `clean` is its JPEG; `caption` what it shows,
    where that is known, as of a drawing."""

    id: str
    clean: bytes = field(repr=False)
    caption: str = ""


@dataclass(frozen=True)
class TrainSpec:
    """What to train. `steps` None: by the base's rule. On a CPU, `threads` and `seed` make the result
    reproducible bit for bit."""

    photos: tuple[Photo, ...]
    subject: str = "person"
    seed: int = 0
    steps: int | None = None
    threads: int | None = None
    name: str = "twin"  # prefix of everything written to the store
    # facts of an ml.avatar.avatar.Avatar, corrected by hand, that is drawn instead of a fitted one
    avatar: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class TrainReport:
    """The result of a training. `lora` is the file's name in the store, `sha256` its checksum, `checkpoint`
    the chosen step. `likeness` is its pictures' likeness to held-out photos, `likeness_base` the same without
    the LoRA, `likeness_real` the likeness between the person's own photos.

    A twin that shows a drawn avatar has none of the three, because a drawing's likeness to a real person is
    not known. It has `avatar`, the facts of the avatar, and `avatar_shown`, how likely its pictures show the
    avatar, which `recognised` judges."""

    lora: str
    sha256: str
    steps: int
    seconds: float
    seconds_per_step: float
    loss_first: float | None  # None where the service does not tell
    loss_last: float | None
    checkpoint: int
    likeness: float | None
    recognised: bool  # at or above the base's floor
    likeness_base: float | None = None  # also None where it would cost money to measure
    likeness_real: float | None = None
    scores: tuple[tuple[int, float], ...] = ()
    memory: str = ""  # the memory plan, in words
    samples: tuple[str, ...] = ()  # names in the store of finished pictures by the chosen checkpoint
    choice: str = ""  # what the checkpoint was chosen from, in words; "" where `scores` says it
    avatar: Mapping[str, Any] | None = None
    avatar_shown: float | None = None


@dataclass(frozen=True)
class RenderSpec:
    """What to render. Picture i uses seed + i. `lora` is a name in the store, None for the base alone;
    `sha256` is checked.

    `reference`: the name in the store of a picture of ours that the pictures begin from; `strength`: how much
    of it may change, see STRENGTH. With `mask`, the name of a PNG of the reference's size, only what is white
    there is painted again, and the picture keeps its size; or with `region`, one of REGIONS, that part."""

    prompt: str
    lora: str | None = None
    sha256: str | None = None
    subject: str = "person"
    negative_prompt: str = ""
    style: str = "photorealistic"
    aspect: str = "1:1"
    quality: str = "standard"
    count: int = 1
    seed: int = 0
    steps: int | None = None
    longest: int | None = None  # px of the longer side at most
    reference: str | None = None
    strength: float = 0.6
    mask: str | None = None
    region: str = ""
    era: str = ""  # of ERAS, or none
    # Sexual words and nudity are allowed: the caller knows that the user may. Nothing else that is refused.
    adult: bool = False

    @property
    def repairs(self) -> bool:
        """Whether a part of the reference is painted again."""
        return bool(self.reference and (self.mask or self.region))


@dataclass(frozen=True)
class Picture:
    """One delivered picture: PNG bytes, watermarked and signed. `likeness` is None without a twin, without
    a face, and for a twin that shows a drawn avatar. That has `avatar_shown`, how likely the picture shows
    the avatar."""

    png: bytes = field(repr=False)
    prompt: str
    seed: int
    width: int
    height: int
    likeness: float | None
    safety: float  # the detector's score, 0 harmless
    seconds: float
    mark: int  # the watermark's number
    engine: str
    avatar_shown: float | None = None
    sharpness: float | None = None  # of the twin's face, see measures.py; None where likeness has no face
    faces_restored: int = 0  # of an enlarged picture: faces that were made clearer
    drawing: dict[str, Any] | None = field(default=None, repr=False)  # of a drawing, see ml/drawn/drawing.py


@dataclass(frozen=True)
class RestoreSpec:
    """A picture to restore. `picture`: our own clean JPEG or PNG. `fidelity`: 0 shows what the restorer made
    of a face .. 1 keeps nearest to the original; None chooses it by whom the face shows. `scale`: 1, 2 or 4.
    `background`: whether the rest of the picture is restored too. `references`: vectors by `embedder` of
    photos of the person, by which the fidelity is chosen."""

    picture: bytes = field(repr=False)
    fidelity: float | None = None
    scale: int = 1
    background: bool = False
    references: tuple[tuple[float, ...], ...] = field(default=(), repr=False)
    embedder: str = ""


@dataclass(frozen=True)
class RestoredFace:
    """`box`: in the picture that was sent. `status`: "restored", or "left_alone", which was good as it was.
    `before`, `after`: its quality, see ml/restore/quality.py. `identity`: the probability that both show one
    person, None where it cannot be measured."""

    box: Box
    status: str
    before: float
    after: float
    identity: float | None
    fidelity: float


@dataclass(frozen=True)
class Restored:
    """`picture.engine` names the restorer. `scale` may differ from the one asked for. `is_flagged`: a face
    may not show the same person any more."""

    picture: Picture
    faces: tuple[RestoredFace, ...]
    scale: int
    is_flagged: bool = False

    @property
    def before(self) -> float:
        """The mean quality of the faces before; `after` likewise."""
        return sum(face.before for face in self.faces) / len(self.faces)

    @property
    def after(self) -> float:
        return sum(face.after for face in self.faces) / len(self.faces)

    @property
    def identity(self) -> float | None:
        """The least of the faces'."""
        return min((face.identity for face in self.faces if face.identity is not None), default=None)

    @property
    def fidelity(self) -> float:
        """The highest of the faces'."""
        return max(face.fidelity for face in self.faces)
