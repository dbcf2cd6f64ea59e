"""What an owner does with the avatar of a twin: has it drawn, and corrects it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.standing import services as standing
from config.errors import DomainError, Invalid
from ml.avatar.avatar import CHOICES, corrected
from ml.avatar.avatar import Avatar as Drawn
from ml.errors import MLError
from twins import services
from twins.avatars import fitting
from twins.avatars.models import Avatar
from twins.models import Twin
from twins.proof import subjects

TRAITS = ("skin", *CHOICES)


class AvatarNotNeeded(DomainError):
    code, status = "avatar_not_needed", 409
    message = _("Nothing is drawn for this twin: an avatar needs real photos, and the built-in engine.")


class AvatarNotReady(DomainError):
    code, status = "avatar_not_ready", 409
    message = _("There is no avatar to correct yet. Wait until it is drawn, or have it drawn.")


class UnknownTrait(Invalid):
    code, message = "avatar_unknown_trait", _("An avatar has no such trait. Look at those that it has.")


class OutOfRange(Invalid):
    code = "avatar_out_of_range"
    message = _("The tone of the skin goes from 0, fair, to 1, dark.")


class UnknownHair(Invalid):
    code, message = "avatar_unknown_hair", _("This cut of the hair cannot be drawn. Choose another one.")


class UnknownHairColour(Invalid):
    code = "avatar_unknown_hair_colour"
    message = _("This colour of the hair cannot be drawn. Choose another one.")


class UnknownEyes(Invalid):
    code, message = "avatar_unknown_eyes", _("This colour of the eyes cannot be drawn. Choose another one.")


class UnknownBeard(Invalid):
    code, message = "avatar_unknown_beard", _("This beard cannot be drawn. Choose another one.")


class UnknownGlasses(Invalid):
    code, message = "avatar_unknown_glasses", _("These glasses cannot be drawn. Choose other ones.")


REFUSALS = (
    UnknownTrait,
    OutOfRange,
    UnknownHair,
    UnknownHairColour,
    UnknownEyes,
    UnknownBeard,
    UnknownGlasses,
)
BY_CODE = {kind.code: kind for kind in REFUSALS}


def draw(twin: Twin) -> Avatar:
    """Enqueues a fit of the avatar, unless one waits already. Raises Suspended, ConsentRequired,
    TwinDisabled, TwinReadOnly, NotEnoughPhotos, AvatarNotNeeded, TrainingInProgress."""
    standing.require(twin.user_id)
    subjects.require_consent(twin)
    with transaction.atomic():
        locked = _changeable(twin)
        if not fitting.is_needed(locked, services.enough_photos(locked)):
            raise AvatarNotNeeded
        last = fitting.newest(locked)
        return last if last and last.is_open else fitting.begin(locked, last)


def correct(twin: Twin, changes: Mapping[str, Any]) -> Avatar:
    """Corrects traits by hand; None takes a correction back. Raises ConsentRequired, TwinDisabled,
    TwinReadOnly, TrainingInProgress, AvatarNotReady, and those of REFUSALS."""
    subjects.require_consent(twin)
    with transaction.atomic():
        avatar = fitting.newest(_changeable(twin))
        if avatar is None or not avatar.is_ready:
            raise AvatarNotReady
        fitted = avatar.fitted()
        redrawn(fitted, changes)
        wanted = avatar.corrections | dict(changes)
        avatar.corrections = {name: value for name, value in wanted.items() if value is not None}
        avatar.save(update_fields=["corrections"])
    return avatar


def redrawn(avatar: Drawn, changes: Mapping[str, Any]) -> Drawn:
    """The avatar with these corrections, which are kept nowhere. Raises those of REFUSALS."""
    for name in changes:
        if name not in TRAITS:
            raise UnknownTrait(errors={str(name): [str(UnknownTrait.message)]})
    if (skin := changes.get("skin")) is not None and (
        isinstance(skin, bool) or not isinstance(skin, (int, float))
    ):
        raise OutOfRange(errors={"skin": [str(OutOfRange.message)]})
    for name, value in changes.items():
        try:
            avatar = corrected(avatar, **{name: value})
        except MLError as e:
            kind = BY_CODE[e.code]
            raise kind(errors={name: [str(kind.message)]}) from e
    return avatar


def _changeable(twin: Twin) -> Twin:
    """The twin, locked. Raises NotFound, TwinDisabled, TwinReadOnly, TrainingInProgress."""
    locked = services.locked_twin(twin.id)
    services.require_enabled(locked)
    services.require_use(locked)
    if locked.trainings.open().exists():
        raise services.TrainingInProgress
    return locked


def typed(texts: Mapping[str, str]) -> dict[str, Any]:
    """The corrections of a form or a query, where all values are text. Raises OutOfRange."""
    if "skin" not in texts:
        return dict(texts)
    try:
        return dict(texts) | {"skin": float(texts["skin"])}
    except ValueError:
        raise OutOfRange(errors={"skin": [str(OutOfRange.message)]}) from None
