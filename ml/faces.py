"""Detects faces, compares them, and checks whether a photo is fit for training.

`Faces` detects (MTCNN, weights in its wheel), embeds (ml/nets/embedders.py) and inspects. Code without a
model is in measures.py and sameness.py. Pictures are (H, W, 3) uint8 RGB. "Real" figures were
measured on 80 studio photos of twenty people (Face Research Lab London Set) and eight CC0 selfies of one
person, "drawn" figures on 48 portraits of ml/drawn/portraits.py at 768 px."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import cv2
import numpy as np

from ml import media, safety
from ml.errors import MLError, PhotoRefused
from ml.measures import (
    BLURRED,
    PATCH,
    PROFILE,
    face_patch,
    hints_of,
    is_cut_off,
    is_rival,
    light_fault,
    luma,
    oval_of,
    perceptual_hash,
    quality_of,
    sharpness,
    width_of,
    yaw_of,
)
from ml.nets.embedders import Embedders
from ml.nets.hidden import HiddenParts, hidden_parts
from ml.nets.torchvision import ensure_torchvision
from ml.sameness import is_duplicate, is_stranger, mixed
from ml.types import Face, Inspection

FaceCheck = Callable[[np.ndarray, Face], bool]  # a model's answer about one face

# Detection. MTCNN takes 0.1 s for a picture of 768 px, 0.2 s for 1024 px and 0.6 s for 2000 px.
DETECT_MOST = 768  # px of the long side: larger pictures are shrunk to this before detection
DETECT_LEAST = 512  # px of the long side: smaller pictures are enlarged; MTCNN's last net needs 48 px
DETECT_SMALLEST = 20  # px of the short side: below, MTCNN's pyramid is empty and facenet-pytorch raises
# px: the first look leaves out the two finest levels of MTCNN's pyramid (each 0.709 of the one before), which
# take four tenths of its time. The other levels, and so the faces they find, stay the same.
DETECT_LARGE = DETECT_SMALLEST / 0.709**2
FOUND = 0.90  # least score: real faces have at least 0.996, drawn faces 0.96
# A photo on its side or upside down: upright, all of 88 real faces score at least UPRIGHT; turned, 262 of 264
# score less. At TURNED_SIDE px of the long side MTCNN takes 0.05 s.
UPRIGHT, TURNED_SIDE = 0.9975, 384
SPURIOUS = 0.25  # of the largest face's width: the only false second face in 88 real photos had 0.19

FRAME_LEAST = 64  # px of the short side of a frame of the camera
# Limits on the number and the size of faces.
FACE_LEAST = 160  # px of the original, the box's shorter side: less lacks detail for training at 512 px

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
UNCLEAR = "The face is too small, too blurred or turned too far away to be compared."


class Described(NamedTuple):
    """A face with its vector (128,) or (512,) and the name of the embedder that made it. `quality`: see
    measures.quality_of."""

    face: Face
    embedder: str
    vector: np.ndarray
    quality: float = 1.0


class Faces:
    """Detects, embeds and inspects faces. Loads each model once, at its first use. Thread-safe.

    `hidden` tells the probability of each part of a face that something is before it; `adult` is an optional
    check of a face; `screen` is the safety check.
    """

    def __init__(
        self,
        *,
        device: str = "cpu",
        embedders: Embedders | None = None,
        screen: Callable[[np.ndarray], safety.PictureVerdict] = safety.screen_picture,
        hidden: Callable[[np.ndarray, Face], Mapping[str, float]] | None = None,
        adult: FaceCheck | None = None,
    ):
        self.device, self.screen = device, screen
        self.embedders = embedders or Embedders(device=device)
        self.hidden, self.adult = hidden or HiddenParts(device=device), adult
        self._detector: Any = None
        self._lock = threading.Lock()

    def find(self, picture: np.ndarray) -> list[Face]:
        """The faces, widest first; boxes and points in pixels of `picture`, which may be of any size."""
        scale = _detection_scale(picture)
        width, height = (max(1, round(n * scale)) for n in (picture.shape[1], picture.shape[0]))
        if min(width, height) < DETECT_SMALLEST:
            return []
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        small = picture if scale == 1 else cv2.resize(picture, (width, height), interpolation=how)
        # MTCNN misses dark faces with low contrast. It finds most of them after equalisation.
        return self._look(small, scale) or self._look(even_out(small), scale)

    def _look(self, small: np.ndarray, scale: float) -> list[Face]:
        """Looks for large faces first. Beside one so large, small ones are left out anyway (SPURIOUS)."""
        large = self._detect(small, scale, DETECT_LARGE)
        if large and width_of(large[0]) * scale * SPURIOUS >= DETECT_LARGE:
            return large
        return self._detect(small, scale, DETECT_SMALLEST)

    def _detect(self, small: np.ndarray, scale: float, least: float) -> list[Face]:
        detector = copy.copy(self._mtcnn())  # shares the nets
        detector.min_face_size = least
        try:
            boxes, scores, points = detector.detect(small, landmarks=True)
        except (RuntimeError, IndexError):
            return []  # facenet-pytorch raises these when a candidate lies wholly outside the frame
        return _sensible(boxes, scores, points, scale)

    def describe(self, picture: np.ndarray, faces: Sequence[Face] | None = None) -> list[Described]:
        """Every face with its vector by the embedder that suits it, widest first; of these `faces`, where
        they are known. MLError `faces_unavailable`."""
        found = self.find(picture) if faces is None else faces
        return [
            Described(face, *self.embedders.describe(picture, face), quality_of(picture, face))
            for face in found
        ]

    def alone(self, picture: np.ndarray) -> Face:
        """The face of a picture of one person that a search is made with. Raises PhotoRefused: `no_face`,
        `several_faces`, `face_unclear`."""
        found = self.find(picture)
        if not found:
            raise PhotoRefused("no_face", MESSAGES["no_face"])
        if _has_rival(found):
            raise PhotoRefused("several_faces", MESSAGES["several_faces"])
        if not quality_of(picture, found[0]):
            raise PhotoRefused("face_unclear", UNCLEAR)
        return found[0]

    def vector(self, picture: np.ndarray, embedder: str) -> tuple[Face, np.ndarray] | None:
        """The widest face with its vector by the named embedder; None without a face or without that
        embedder."""
        for face in self.find(picture)[:1]:
            vector = self.embedders.vector(embedder, picture, face)
            return None if vector is None else (face, vector)
        return None

    def framing(self, data: bytes, width: int) -> str:
        """The code of what `inspect` would find first in a photo `width` px wide, told from a small frame of
        it; "" for nothing. Looks at size, place, light and sharpness alone. Raises PhotoRefused."""
        picture = media.to_array(media.clean(data, min_side=FRAME_LEAST).jpeg)
        faces = self.find(picture)
        if not faces:
            return "no_face"
        code = _fault(_measure(Inspection(True, width=width), picture, faces), picture, faces)
        # A face of fewer pixels than its sharpness is measured at always looks blurred.
        return "" if code == "blurred" and width_of(faces[0]) < PATCH else code

    def inspect(self, data: bytes, others: Sequence[Inspection] = ()) -> Inspection:
        """The verdict on one uploaded file. `others` are earlier verdicts on the same person's photos.

        Box, width, height: pixels of the original, upright. A refused photo's `clean` is empty.
        Does not raise for a bad photo. Without a model: MLError faces_unavailable, screening_unavailable.
        """
        try:
            photo = media.clean(data)
        except PhotoRefused as refused:
            return _refuse(Inspection(False), refused.code)
        return self._inspect(photo, others)

    def _inspect(self, photo: media.CleanPhoto, others: Sequence[Inspection]) -> Inspection:
        picture = media.to_array(photo.jpeg)
        bits = perceptual_hash(picture)
        said = Inspection(True, width=photo.width, height=photo.height, hash=bits, clean=photo.jpeg)
        if not self._is_safe(picture):
            return _refuse(said, "unsafe")
        if is_duplicate(said, others):
            return _refuse(said, "duplicate")
        faces = self.find(picture)
        if quarters := self._quarters(picture, faces):
            return self._inspect(media.turn(photo, quarters), others)
        if not faces:
            return _refuse(said, "no_face")
        said = _measure(said, picture, faces)
        if code := _fault(said, picture, faces):
            return _refuse(said, code)
        said, code = self._asked(said, picture, faces[0])
        if code:
            return _refuse(said, code)
        embedder, vector = self.embedders.describe(picture, faces[0])
        said = replace(said, embedding=tuple(vector.tolist()), embedder=embedder)
        return compare(said, others)

    def _quarters(self, picture: np.ndarray, faces: list[Face]) -> int:
        """How many quarter turns to the left stand the widest face upright, 0..3."""
        if faces and faces[0].score >= UPRIGHT:
            return 0
        small = media.within(picture, TURNED_SIDE)
        turned = [np.ascontiguousarray(np.rot90(small, quarters)) for quarters in range(4)]
        found = [self._detect(picture, 1.0, DETECT_SMALLEST) for picture in turned]
        scores = [faces[0].score if faces else 0.0 for faces in found]
        best = int(np.argmax(scores))
        return best if scores[best] >= UPRIGHT else 0

    def _is_safe(self, picture: np.ndarray) -> bool:
        verdict = self.screen(picture)
        if verdict.label == "unavailable":  # an error, not the verdict "unsafe": the photo may be harmless
            raise MLError("screening_unavailable", "Photos cannot be checked now. Try again in some minutes.")
        return verdict.safe

    def _asked(self, said: Inspection, picture: np.ndarray, face: Face) -> tuple[Inspection, str]:
        """Asks the nets: the inspection with their hints, and the code of the first fault, or ""."""
        if self.adult and not self.adult(picture, face):
            return said, "not_adult"
        if abs(said.yaw) >= PROFILE:  # half of the face is not seen
            return said, ""
        found, sure = hidden_parts(self.hidden(picture, face))
        return replace(said, hints=said.hints + found), "face_hidden" if sure else ""

    def _mtcnn(self) -> Any:
        with self._lock:
            if self._detector is None:
                ensure_torchvision()
                from facenet_pytorch import MTCNN

                self._detector = MTCNN(keep_all=True, min_face_size=DETECT_SMALLEST, device=self.device)
            return self._detector


def _detection_scale(picture: np.ndarray) -> float:
    side = max(picture.shape[:2])
    return min(1.0, DETECT_MOST / side) if side >= DETECT_LEAST else DETECT_LEAST / side


def even_out(picture: np.ndarray) -> np.ndarray:
    """Equalises the lightness in 8 x 8 tiles, with limited amplification of noise (CLAHE, clip 3)."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(3.0, (8, 8)).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def _sensible(boxes: Any, scores: Any, points: Any, scale: float) -> list[Face]:
    """MTCNN's answer (object arrays, None for no face) as faces, without low scores and tiny boxes."""
    if boxes is None:
        return []
    faces = []
    for box, score, five in zip(boxes, scores, points):
        if score <= FOUND:
            continue
        x1, y1, x2, y2 = (float(v) / scale for v in box)
        five = tuple((float(x) / scale, float(y) / scale) for x, y in five)
        faces.append(Face((x1, y1, x2, y2), float(score), five))
    faces.sort(key=width_of, reverse=True)
    return [face for face in faces if width_of(face) >= SPURIOUS * width_of(faces[0])]


# --- one photo ----------------------------------------------------------------------------------------------


def _refuse(said: Inspection, code: str) -> Inspection:
    return replace(said, accepted=False, code=code, detail=MESSAGES[code], clean=b"")


def _measure(said: Inspection, picture: np.ndarray, faces: list[Face]) -> Inspection:
    face, scale = faces[0], said.width / picture.shape[1]
    patch = face_patch(picture, face)
    skin = patch[oval_of(patch)].astype(np.float64)
    x1, y1, x2, y2 = (v * scale for v in face.box)
    return replace(
        said,
        box=(x1, y1, x2, y2),
        points=tuple((x * scale, y * scale) for x, y in face.points),
        yaw=yaw_of(face),
        light=float(luma(patch)[oval_of(patch)].mean()),
        warmth=float(skin[:, 0].mean() / max(skin[:, 2].mean(), 1.0)),
        sharpness=sharpness(patch),
        hints=hints_of(faces),
    )


def _has_rival(faces: list[Face]) -> bool:
    return is_rival([width_of(face) for face in faces])


def _fault(said: Inspection, picture: np.ndarray, faces: list[Face]) -> str:
    """The code of the first fault, or "". Light comes before blur, because dark photos also look blurred."""
    assert said.box
    x1, y1, x2, y2 = said.box
    if _has_rival(faces):
        return "several_faces"
    if is_cut_off(faces[0], picture.shape[1], picture.shape[0]):
        return "face_cut_off"
    if min(x2 - x1, y2 - y1) < FACE_LEAST:
        return "face_too_small"
    return light_fault(face_patch(picture, faces[0])) or ("blurred" if said.sharpness < BLURRED else "")


# --- many photos --------------------------------------------------------------------------------------------


def compare(said: Inspection, others: Sequence[Inspection]) -> Inspection:
    """Compares an accepted photo again with photos that were accepted in the meantime."""
    if is_duplicate(said, others):
        return _refuse(said, "duplicate")
    return _refuse(said, "other_person") if is_stranger(said, others) else said


def settle(verdicts: list[Inspection], inspect: Callable[[int, list[Inspection]], Inspection]) -> list[int]:
    """Judges a whole set again, because the first photos may show another person. Changes `verdicts` and
    returns the changed indexes. `inspect(i, others)` inspects photo i again. MLError `other_person` when
    no person is on two thirds of the photos."""
    mix = mixed(verdicts)
    if mix.detail and not mix.majority:
        raise MLError("other_person", mix.detail)
    strangers = [i for i, label in enumerate(mix.labels) if verdicts[i].accepted and label > 0]
    for i in strangers:
        verdicts[i] = _refuse(verdicts[i], "other_person")
    own = [i for i, label in enumerate(mix.labels) if verdicts[i].code == "other_person" and label == 0]
    for i in own:
        verdicts[i] = inspect(i, [v for v in verdicts if v.accepted])
    return strangers + own
