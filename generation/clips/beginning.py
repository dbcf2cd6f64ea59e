"""The picture that a clip begins from."""

from __future__ import annotations

from config.errors import DomainError
from config.runs.sentences import sentence_of
from gallery.faces.pictures import widths_in
from gallery.models import Item
from ml.measures import clip_fault


class NoFace(DomainError):
    code, message = "no_face", sentence_of("no_face", "video")


class SeveralFaces(DomainError):
    code, message = "several_faces", sentence_of("several_faces", "video")


class FaceTooSmall(DomainError):
    code, message = "face_too_small", sentence_of("face_too_small", "video")


REFUSALS: dict[str, type[DomainError]] = {each.code: each for each in (NoFace, SeveralFaces, FaceTooSmall)}


def require_one_face(item: Item) -> None:
    """Where the picture's faces are known, some seconds after it was made; before, the worker looks, and the
    credits come back. Raises NoFace, SeveralFaces, FaceTooSmall."""
    widths = widths_in(item)
    if widths is not None and (code := clip_fault(widths, 1.0)):
        raise REFUSALS[code]
