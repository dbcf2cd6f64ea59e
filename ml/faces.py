"""Faces: where they are, whose they are, and whether a photo is fit to learn a person from.

`Faces` finds (MTCNN, weights in its wheel), embeds (the net of ml/nano/embedder.py) and inspects; what needs
no model are plain functions below it. Pictures are (H, W, 3) uint8 RGB. Figures called real were measured on
80 studio photos of twenty people (Face Research Lab London Set) and eight CC0 selfies of one, those called
drawn on 48 portraits of ml/nano/portraits.py at 768 px.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ml import media, safety
from ml.errors import MLError, PhotoRefused
from ml.types import Face, Inspection

WEIGHTS = Path(__file__).with_name("nano") / "weights" / "faces.safetensors"
Judge = Callable[[np.ndarray, Face], bool]  # a model's answer about one face

# Finding. MTCNN takes 0.1 s for a picture of 1024 px and 0.6 s for one of 2000.
DETECT_MOST = 1024  # px of the long side: shrunk to this before looking
DETECT_LEAST = 512  # px of the long side: smaller ones are enlarged to this, as its last net wants 48 px
DETECT_SMALLEST = 20  # px of the short side: below, its pyramid has no level and facenet-pytorch raises
FOUND = 0.90  # score: real faces have 0.996 and more, drawn 0.96
SPURIOUS = 0.25  # of the largest face's width: the one false second face in 88 real photos had 0.19

# Which faces there are, and where.
RIVAL = 0.35  # of the largest face's width: from here on it is a photo of two people
FACE_LEAST = 160  # px of the original, the box's shorter side: less has no detail for a training at 512 px
OUTSIDE = 0.03  # of the box's width beyond the frame: MTCNN guesses that part, so some of the face is missing
BORDER = 0.12  # of the box's width from an eye, nose or mouth corner to the frame: whole faces have above 0.5

# Light: luma 0..1 (gamma-encoded) over the oval of the face.
# Dark: the 95th percentile, not the mean, as skin may be dark; where light falls on it the darkest drawn skin
# has 0.33, and a real selfie at night 0.36.
DARK = 0.22
BRIGHT = 0.88  # mean: the fairest drawn skin has 0.64, the brightest real face 0.72
CRUSHED, BLOWN = 0.02, 0.98  # luma without any detail ...
CLIPPED = 0.30  # ... and the share of the face that may be so: pupils, beard and highlights are less

# Sharpness, see `sharpness`: real photos have 0.23 to 0.32, drawn 0.30 to 0.38. Blurred by 2 of 160 px all
# are below 0.172, by 1 px most real ones stay above: soft, but of use.
BLURRED = 0.175
PATCH = 160  # px: the width a face is brought to for light and sharpness; the smallest allowed has it already

# A photo among others.
# Bits of 64: 80 copies of real photos at other sizes and qualities differ by 0 to 2, two photos of a sitting
# (or of two people in one studio pose) by 4 and more.
DUPLICATE = 2
AGREE = 3  # faces that must agree before another is called a stranger's
CLEARLY = 0.05  # cosine below the threshold: a wrong "not you" annoys more than one odd photo harms
# Mean cosine from which faces are one person's, by embedder. Drawn heads of one unseen person have 0.64 and more in 99
# of 100 pairs, of two people a median of 0.03; real ones reach down to 0.32 between a front and a three-quarter view
# (`python -m bench.faces`): the figure lies where hardly any real photo of the same person is turned away.
SAME_PERSON = {"drawn-contrast-1": 0.45}

# Hints; they never refuse.
TURNED = 20.0  # degrees of yaw: three times the estimate's error
NOSE = 0.46  # how far its tip stands before the eyes, in eye distances: fits drawn heads (6 degrees rms)
SMILE = 0.88  # width of the mouth over eyes-to-mouth: 12 of 20 real smiles, none of 60 real neutral faces

MESSAGES = media.MESSAGES | {
    "no_face": "No face was found. Choose a photo that shows your face clearly, also half turned.",
    "several_faces": "Several people are in this photo. Choose one of you alone.",
    "face_too_small": "The face is too small. Choose a photo taken from nearer, or in its full size.",
    "face_cut_off": "Part of the face is outside the picture. Choose a photo with the whole face in it.",
    "face_hidden": "The face is partly hidden. Choose a photo without mask, hand or sunglasses.",
    "blurred": "The face is not sharp. Choose a photo that is in focus and not shaken.",
    "too_dark": "The face is too dark. Choose a photo with more light on the face.",
    "too_bright": "The face is overexposed. Choose a photo with softer light, without flash or direct sun.",
    "duplicate": "This photo is already among your photos. Choose a different one.",
    "other_person": "This seems to be somebody else than on the other photos. Choose one of the same person.",
    "not_adult": "This person may be under 18. Choose photos of an adult.",
    "unsafe": "This photo shows nudity or something else that cannot be used. Choose another one.",
}


class Faces:
    """Finds, embeds and inspects; models are loaded at their first use, once. Safe to share between threads.

    `net`, where given, stands for the file `weights`, (1, 3, 96, 96) in -1..1 -> (1, 128); it needs a `name`.
    `hidden` and `adult` are asked only where given; `screen` is the safety check.
    """

    def __init__(
        self,
        *,
        device: str = "cpu",
        weights: Path = WEIGHTS,
        net: Callable[[Any], Any] | None = None,
        name: str = "",
        screen: Callable[[np.ndarray], safety.PictureVerdict] = safety.screen_picture,
        hidden: Judge | None = None,
        adult: Judge | None = None,
    ):
        if net and not name:
            raise ValueError("a net of one's own needs a name: vectors of different nets are never compared")
        self.device, self.weights, self.screen = device, weights, screen
        self.hidden, self.adult = hidden, adult
        self._net, self._name = net, name
        self._detector: Any = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The embedder's, to be kept beside every vector."""
        if not self._name:
            from ml.nano.embedder import NAME

            self._name = NAME
        return self._name

    def find(self, picture: np.ndarray) -> list[Face]:
        """The faces, widest first; boxes and points in pixels of `picture`, which may be of any size."""
        scale = _detection_scale(picture)
        width, height = (max(1, round(n * scale)) for n in (picture.shape[1], picture.shape[0]))
        if min(width, height) < DETECT_SMALLEST:
            return []
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        small = picture if scale == 1 else cv2.resize(picture, (width, height), interpolation=how)
        # Dark faces are missed for their low contrast; evened out, most of them are found.
        return self._look(small, scale) or self._look(even_out(small), scale)

    def _look(self, small: np.ndarray, scale: float) -> list[Face]:
        try:
            boxes, scores, points = self._mtcnn().detect(small, landmarks=True)
        except (RuntimeError, IndexError):
            return []  # facenet-pytorch fails so when a candidate lies wholly outside the frame
        return _sensible(boxes, scores, points, scale)

    def embed(self, picture: np.ndarray, face: Face) -> np.ndarray:
        """(128,) float32, unit length. Raises MLError: faces_unavailable."""
        import torch

        net = self._embedder()
        x = torch.from_numpy(head_crop(picture, face)).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.inference_mode():
            vector = net(x.to(self.device))[0].float().cpu().numpy()
        return vector / max(float(np.linalg.norm(vector)), 1e-9)

    def describe(self, picture: np.ndarray) -> list[tuple[Face, np.ndarray]]:
        """Every face with its vector, widest first. Raises MLError: faces_unavailable."""
        return [(face, self.embed(picture, face)) for face in self.find(picture)]

    def inspect(self, data: bytes, others: Sequence[Inspection] = ()) -> Inspection:
        """The verdict on one uploaded file, beside the earlier verdicts on the same person's photos.

        Box, width, height: pixels of the original, upright. Only an accepted photo's `clean` is kept.
        Raises nothing for a bad photo; MLError faces_unavailable, screening_unavailable without a model.
        """
        try:
            photo = media.clean(data)
        except PhotoRefused as refused:
            return _refuse(Inspection(False), refused.code)
        picture = media.to_array(photo.jpeg)
        bits = perceptual_hash(picture)
        said = Inspection(True, width=photo.width, height=photo.height, hash=bits, clean=photo.jpeg)
        if not self._is_safe(picture):
            return _refuse(said, "unsafe")
        if any(bits_apart(said.hash, other.hash) <= DUPLICATE for other in others if other.accepted):
            return _refuse(said, "duplicate")
        faces = self.find(picture)
        if not faces:
            return _refuse(said, "no_face")
        said = _measure(said, picture, faces)
        code = _fault(said, picture, faces) or self._asked(picture, faces[0])
        if code:
            return _refuse(said, code)
        vector = self.embed(picture, faces[0])
        said = replace(said, embedding=tuple(vector.tolist()), embedder=self.name)
        return _refuse(said, "other_person") if is_stranger(said, others) else said

    def _is_safe(self, picture: np.ndarray) -> bool:
        verdict = self.screen(picture)
        if verdict.label == "unavailable":  # no photo passes, but nobody is told that theirs is indecent
            raise MLError("screening_unavailable", "Photos cannot be checked now. Try again in some minutes.")
        return verdict.safe

    def _asked(self, picture: np.ndarray, face: Face) -> str:
        if self.adult and not self.adult(picture, face):
            return "not_adult"
        return "face_hidden" if self.hidden and self.hidden(picture, face) else ""

    def _mtcnn(self) -> Any:
        with self._lock:
            if self._detector is None:
                from ml.local.vision import ensure_torchvision

                ensure_torchvision()
                from facenet_pytorch import MTCNN

                self._detector = MTCNN(keep_all=True, min_face_size=DETECT_SMALLEST, device=self.device)
            return self._detector

    def _embedder(self) -> Callable[[Any], Any]:
        with self._lock:
            if self._net is None:
                if not self.weights.exists():
                    raise MLError(
                        "faces_unavailable",
                        "The face model is missing. Fetch or build its weights.",
                    )
                from safetensors.torch import load_file

                from ml.nano.embedder import Net

                net = Net()
                net.load_state_dict(load_file(self.weights))
                self._net = net.eval().to(self.device)
            return self._net


def _detection_scale(picture: np.ndarray) -> float:
    side = max(picture.shape[:2])
    return min(1.0, DETECT_MOST / side) if side >= DETECT_LEAST else DETECT_LEAST / side


def even_out(picture: np.ndarray) -> np.ndarray:
    """The picture with its lightness equalised in each of 8 x 8 parts, noise held back (CLAHE, clip 3)."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(3.0, (8, 8)).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def _sensible(boxes: Any, scores: Any, points: Any, scale: float) -> list[Face]:
    """MTCNN's answer (object arrays, None for no face) as faces, without the doubtful and the tiny."""
    if boxes is None:
        return []
    faces = []
    for box, score, five in zip(boxes, scores, points):
        if score <= FOUND:
            continue
        x1, y1, x2, y2 = (float(v) / scale for v in box)
        five = tuple((float(x) / scale, float(y) / scale) for x, y in five)
        faces.append(Face((x1, y1, x2, y2), float(score), five))
    faces.sort(key=_width, reverse=True)
    return [face for face in faces if _width(face) >= SPURIOUS * _width(faces[0])]


def _width(face: Face) -> float:
    return face.box[2] - face.box[0]


def eyes_and_mouth(face: Face) -> tuple[np.ndarray, np.ndarray]:
    """The middle of the eyes and of the mouth, x y."""
    five = np.asarray(face.points)
    return five[:2].mean(0), five[3:5].mean(0)


def head_crop(picture: np.ndarray, face: Face) -> np.ndarray:
    """(96, 96, 3) uint8: the whole head, upright, as the embedder sees it."""
    from ml.nano.embedder import align

    return align(picture, *eyes_and_mouth(face))


# --- one photo ----------------------------------------------------------------------------------------------


def _refuse(said: Inspection, code: str) -> Inspection:
    return replace(said, accepted=False, code=code, detail=MESSAGES[code], clean=b"")


def _measure(said: Inspection, picture: np.ndarray, faces: list[Face]) -> Inspection:
    face, scale = faces[0], said.width / picture.shape[1]
    patch = face_patch(picture, face)
    skin = patch[_oval(patch)].astype(np.float64)
    x1, y1, x2, y2 = (v * scale for v in face.box)
    return replace(
        said,
        box=(x1, y1, x2, y2),
        yaw=yaw_of(face),
        light=float(luma(patch)[_oval(patch)].mean()),
        warmth=float(skin[:, 0].mean() / max(skin[:, 2].mean(), 1.0)),
        sharpness=sharpness(patch),
        hints=_hints(faces),
    )


def _fault(said: Inspection, picture: np.ndarray, faces: list[Face]) -> str:
    """The first thing wrong: whose face, where, and how well it is seen (the dark looks blurred too)."""
    assert said.box
    x1, y1, x2, y2 = said.box
    if len(faces) > 1 and _width(faces[1]) >= RIVAL * _width(faces[0]):
        return "several_faces"
    if is_cut_off(faces[0], picture.shape[1], picture.shape[0]):
        return "face_cut_off"
    if min(x2 - x1, y2 - y1) < FACE_LEAST:
        return "face_too_small"
    return light_fault(face_patch(picture, faces[0])) or ("blurred" if said.sharpness < BLURRED else "")


def is_cut_off(face: Face, width: int, height: int) -> bool:
    """Does the frame, in pixels, cut through the face? Hair and ears may be outside."""
    x1, y1, x2, y2 = face.box
    five = np.asarray(face.points)
    margin = min(*five.min(0), *(np.array([width, height]) - five.max(0)))
    beyond = max(-x1, -y1, x2 - width, y2 - height)
    return beyond > OUTSIDE * _width(face) or margin < BORDER * _width(face)


def face_patch(picture: np.ndarray, face: Face) -> np.ndarray:
    """(h, PATCH, 3) uint8: what is in the box, brought to one width so that measures compare."""
    height, width = picture.shape[:2]
    x1, x2 = (int(np.clip(round(x), 0, width)) for x in (face.box[0], face.box[2]))
    y1, y2 = (int(np.clip(round(y), 0, height)) for y in (face.box[1], face.box[3]))
    x1, y1 = min(x1, width - 1), min(y1, height - 1)
    part = picture[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    tall = max(1, round(part.shape[0] * PATCH / part.shape[1]))
    how = cv2.INTER_AREA if part.shape[1] > PATCH else cv2.INTER_LINEAR
    return cv2.resize(part, (PATCH, tall), interpolation=how)


def luma(rgb: np.ndarray) -> np.ndarray:
    """(H, W) float32 0..1, Rec. 601 weights on gamma-encoded values."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255


def _oval(patch: np.ndarray) -> np.ndarray:
    """(H, W) bool: the face without the corners of its box, which are hair and background."""
    height, width = patch.shape[:2]
    y, x = np.ogrid[:height, :width]
    return ((x / width - 0.5) / 0.42) ** 2 + ((y / height - 0.5) / 0.46) ** 2 < 1


def light_fault(patch: np.ndarray) -> str:
    """ "too_dark", "too_bright" or "" for (H, W, 3) uint8 of a face."""
    light = luma(patch)[_oval(patch)]
    if np.percentile(light, 95) < DARK or (light < CRUSHED).mean() > CLIPPED:
        return "too_dark"
    return "too_bright" if light.mean() > BRIGHT or (light > BLOWN).mean() > CLIPPED else ""


def sharpness(patch: np.ndarray) -> float:
    """Fine detail over coarse: deviation of the band 0.7..1.4 px over that of 1.4..5.6 px (Gaussian sigmas).

    A ratio of a picture to itself, so the face's tone and contrast fall out. What is finer than 0.7 px stays
    out, or the grain of a dim photo would count. About 0.28 sharp, 0.19 blurred by 1 of 160 px, 0.12 by 2.
    """
    y = luma(patch)
    fine, middle, coarse = (cv2.GaussianBlur(y, (0, 0), sigma) for sigma in (0.7, 1.4, 5.6))
    return float((fine - middle).std() / max(float((middle - coarse).std()), 1e-6))


def yaw_of(face: Face) -> float:
    """Degrees, positive towards the right of the picture; good to about 6 on drawn heads within 35."""
    left, right, nose = (np.asarray(p) for p in face.points[:3])
    eyes, mouth = eyes_and_mouth(face)
    across = (right - left) / max(float(np.hypot(*(right - left))), 1e-3)
    # Seen from the front the nose's tip lies on the line from eyes to mouth, a little below its middle.
    offset = (nose - (eyes + 0.55 * (mouth - eyes))) @ across
    return float(np.degrees(np.arctan(offset / max(float((right - left) @ across), 1e-3) / NOSE)))


def _hints(faces: list[Face]) -> tuple[str, ...]:
    yaw = yaw_of(faces[0])
    eyes, mouth = eyes_and_mouth(faces[0])
    corners = np.subtract(faces[0].points[4], faces[0].points[3])
    hints = {
        "smiling": np.hypot(*corners) > SMILE * np.hypot(*(mouth - eyes)),
        "turned_left": yaw < -TURNED,
        "turned_right": yaw > TURNED,
        "people_behind": len(faces) > 1,
    }
    return tuple(name for name, seen in hints.items() if seen)


def perceptual_hash(picture: np.ndarray) -> int:
    """64 bits: which low frequencies are above their median (pHash: 8 x 8 of a 32 x 32 DCT of luma)."""
    small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[1:9, 1:9].ravel()
    return int("".join("1" if v > np.median(low) else "0" for v in low), 2)


def bits_apart(a: int, b: int) -> int:
    """Hamming distance of two hashes, 0..64."""
    return (a ^ b).bit_count()


# --- many photos --------------------------------------------------------------------------------------------


def same_person(vectors: np.ndarray, threshold: float) -> np.ndarray:
    """(N, D) unit vectors -> (N,) labels, one a person, 0 the one with the most faces.

    Average linkage: the two groups of highest mean cosine are joined while it reaches `threshold`, so that
    one face that looks like two people does not chain them.
    """
    count = len(vectors)
    sums = np.asarray(vectors, np.float64) @ np.asarray(vectors, np.float64).T if count else np.zeros((0, 0))
    sizes, group = np.ones(count), np.arange(count)
    np.fill_diagonal(sums, -np.inf)
    while count:
        means = sums / np.outer(sizes, sizes)
        a, b = np.unravel_index(means.argmax(), means.shape)
        if means[a, b] < threshold:
            break
        sums[a] += sums[b]
        sums[:, a] += sums[:, b]
        sums[b] = sums[:, b] = -np.inf
        sizes[a] += sizes[b]
        group[group == b] = a
    names, numbers = np.unique(group, return_counts=True)
    rank = {name: place for place, name in enumerate(names[np.argsort(-numbers, kind="stable")])}
    return np.array([rank[g] for g in group], int)


def has_majority(labels: np.ndarray) -> bool:
    """Is label 0 at least two thirds of them, and enough to be believed? Six and six, one of them unusable, is none."""
    own = int((labels == 0).sum())
    return own >= AGREE and own >= len(labels) * 2 / 3


def is_stranger(said: Inspection, others: Sequence[Inspection]) -> bool:
    """Do the accepted others agree on a person, and is this clearly not the one?"""
    kept = [o.embedding for o in others if o.accepted and o.embedding and o.embedder == said.embedder]
    threshold = SAME_PERSON.get(said.embedder)
    if threshold is None or len(kept) < AGREE:
        return False
    vectors = np.array(kept)
    labels = same_person(vectors, threshold)
    likeness = float((vectors[labels == 0] @ np.array(said.embedding)).mean())
    return has_majority(labels) and likeness < threshold - CLEARLY


@dataclass(frozen=True)
class Mix:
    """Who is on a set of photos. `labels`: one per inspection, 0 the person seen most, -1 without a vector;
    `counts`: photos per person; `majority`: is person 0 on most; `detail`: what to do, "" for one person."""

    labels: tuple[int, ...]
    counts: tuple[int, ...]
    majority: bool
    detail: str


def mixed(inspections: Sequence[Inspection], threshold: float | None = None) -> Mix:
    """Sort a whole set, refused photos included, by person, as far as they share the last one's embedder.

    `threshold` None: that of SAME_PERSON; raises KeyError for an embedder that is not in it.
    """
    name = next((said.embedder for said in reversed(inspections) if said.embedding), "")
    known = [i for i, said in enumerate(inspections) if said.embedding and said.embedder == name]
    labels = np.full(len(inspections), -1)
    if known:
        vectors = np.array([inspections[i].embedding for i in known])
        limit = SAME_PERSON[name] if threshold is None else threshold
        labels[known] = same_person(vectors, limit)
    counts = tuple(np.bincount(labels[labels >= 0]).tolist())
    majority = has_majority(labels[labels >= 0])
    return Mix(tuple(labels.tolist()), counts, majority, _say_mix(counts, majority))


def settle(verdicts: list[Inspection], inspect: Callable[[int, list[Inspection]], Inspection]) -> list[int]:
    """Judge a whole set once more: the first photos may have been the stranger's. Changes `verdicts`; which ones is
    returned. `inspect(i, others)` looks at photo i again. MLError `other_person` when nobody is on two thirds of them."""
    mix = mixed(verdicts)
    if mix.detail and not mix.majority:
        raise MLError("other_person", mix.detail)
    changed = []
    for i, label in enumerate(mix.labels):
        if verdicts[i].accepted and label > 0:
            verdicts[i] = _refuse(verdicts[i], "other_person")
            changed.append(i)
    for i, label in enumerate(mix.labels):
        if verdicts[i].code == "other_person" and label == 0:
            verdicts[i] = inspect(i, [v for v in verdicts if v.accepted])
            changed.append(i)
    return changed


def _say_mix(counts: tuple[int, ...], majority: bool) -> str:
    if len(counts) < 2:
        return ""
    if majority:
        return f"{sum(counts[1:])} of {sum(counts)} photos seem to show somebody else. Replace those photos."
    shares = " and ".join(str(n) for n in counts)
    return f"These photos mix {len(counts)} people ({shares} photos). Choose photos of one person only."
