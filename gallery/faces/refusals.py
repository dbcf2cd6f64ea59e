"""Why a search of faces is refused."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from twins.checks import SENTENCES


class NoPictures(DomainError):
    code, status = "no_pictures", 409
    message = _("You have no picture yet in which a face could be found. Make or upload one first.")


class NoFace(DomainError):
    code = "no_face"
    message = _("No face was found in this picture. Choose one that shows a face clearly.")


class SeveralFaces(DomainError):
    code = "several_faces"
    message = _(
        "There are several faces in this picture. Cut out one of them, or click a face in a picture of yours."
    )


class FaceUnclear(DomainError):
    code = "face_unclear"
    message = _("This face is too small, too blurred or turned too far away to be compared. Choose another.")


class NoPicture(DomainError):
    code, message = "not_an_image", SENTENCES["not_an_image"]


class UnsupportedFormat(DomainError):
    code, message = "unsupported_format", SENTENCES["unsupported_format"]


class Unreadable(DomainError):
    code, message = "unreadable", SENTENCES["unreadable"]


class TooSmall(DomainError):
    code = "too_small"
    message = _("This picture is too small. Choose one of at least 64 pixels on its short side.")


class TooLarge(DomainError):
    code, message = "too_large", SENTENCES["too_large"]


OF_PICTURE: tuple[type[DomainError], ...] = (
    NoFace,
    SeveralFaces,
    FaceUnclear,
    NoPicture,
    UnsupportedFormat,
    Unreadable,
    TooSmall,
    TooLarge,
)


def refusal(code: str) -> Any:
    """The refusal with this code of a picture that is searched with."""
    return next((kind for kind in OF_PICTURE if kind.code == code), Unreadable)()
