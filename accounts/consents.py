"""Consents: their wording, and whether a user has given them."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import Consent, Kind, User, sha256
from config import registry
from config.errors import DomainError, Invalid, NotFound
from ml.catalogue import BASES, SERVICES

COUNTRIES = {"US": _("United States")}  # of companies, by ISO 3166


def kind_of(service: str) -> str:
    """The consent that a company's engines need."""
    return f"engine_{service}"


def _about(service: str, text: Any) -> Any:
    """A text about a company, whose %(company)s and %(country)s are filled in when it is read."""
    facts = SERVICES[service]

    def filled() -> str:
        return str(text) % {"company": facts.company, "country": COUNTRIES[facts.country]}

    return lazy(filled, str)()


# A new wording needs a new version, also in one language: accounts/wordings.json has the SHA-256 of each that
# was ever published, and a test compares. A consent to an older version does not count any more.
WORDING: dict[str, tuple[str, Any]] = {
    Kind.TERMS: (
        "2026-11",
        _("I accept the terms of use. I will make pictures of myself only, or of people who agreed to it."),
    ),
    Kind.BIOMETRIC_TWIN: (
        "2026-11",
        _(
            "I am 18 or older and these photos show me. I agree that PhotoFlux measures my face in them"
            " to check the photos, to train a model of my appearance, and to compare its pictures with me."
            " I can withdraw this at any time: my twins are then disabled at once and the measurements of"
            " my face are deleted."
        ),
    ),
    Kind.FACE_SEARCH: (
        "2026-11",
        _(
            "I agree that PhotoFlux measures the faces in my own pictures, so that I can find pictures of a"
            " face among them."
        ),
    ),
    Kind.IMPROVEMENT: (
        "2026-11",
        _("I agree that my ratings, without any picture, are used to improve PhotoFlux."),
    ),
    Kind.ENGINE_FAL: (
        "2026-12",
        _about(
            "fal",
            _(
                "I agree that %(company)s, %(country)s, makes trainings, pictures and clips for me when I"
                " choose it. For a training, PhotoFlux sends it cleaned copies of the twin's photos, as one"
                " archive under random names. For pictures it sends the trained model of my appearance and"
                " the words of my request, for a clip also the picture that it begins from. No name, no"
                " e-mail address and nothing of other people is sent. Archive, model and picture lie there"
                " for at most an hour at each use. Results are fetched at once; within a day everything there"
                " is deleted or has expired. I can withdraw this at any time."
            ),
        ),
    ),
    Kind.ENGINE_TOGETHER: (
        "2026-11",
        _about(
            "together",
            _(
                "I agree that %(company)s, %(country)s, makes pictures of me when I choose it. PhotoFlux"
                " sends it the words of my request and an address where it can read the trained model of my"
                " appearance, for at most an hour at each use. No photos, no name, no e-mail address and"
                " nothing of other people is sent. Results are fetched at once; within a day everything there"
                " is deleted or has expired. I can withdraw this at any time."
            ),
        ),
    ),
}

WORDING_CHANGED = _("The wording has changed. Read the current one and send its version.")
# What the withdrawal of a consent ends and deletes, for the question before it.
WITHDRAWAL: dict[str, Any] = {
    Kind.TERMS: _("Nothing is deleted. Without the terms you can still download or erase your data."),
    Kind.BIOMETRIC_TWIN: _(
        "Your twins are disabled at once, and trainings and pictures under way stop, as if you had cancelled"
        " them. The measurements of"
        " your face and the trained models are deleted for good. Your photos and pictures stay."
    ),
    Kind.FACE_SEARCH: _(
        "The measurements of faces for the search are deleted, with the names that you gave to people."
    ),
    Kind.IMPROVEMENT: _("Your ratings are not used any more from now on."),
    Kind.ENGINE_FAL: _about(
        "fal",
        _(
            "Trainings and pictures of you under way at %(company)s stop, as if you had cancelled them, and"
            " nothing more is sent there. What still lies there has expired within a day. Twins that were"
            " trained there stay here; their pictures need this consent again."
        ),
    ),
    Kind.ENGINE_TOGETHER: _about(
        "together",
        _(
            "Pictures of you under way at %(company)s stop, as if you had cancelled them, and nothing more is"
            " sent there. What still lies there has expired within a day."
        ),
    ),
}


class ConsentRequired(DomainError):
    code, status = "consent_required", 403
    message = _("This needs your consent first: read and give it under “consents”.")


def offered() -> list[str]:
    """The kinds that can be given: for a company's engines only where it is configured."""
    services = {BASES[name].service for name in settings.STUDIO_PROFILES}
    closed = {kind_of(service) for service in SERVICES if service not in services}
    return [kind for kind in WORDING if kind not in closed]


def current(user: User) -> list[dict[str, Any]]:
    """Every kind that is offered or given, with its current wording, and when this user gave it (None: not
    given to this version)."""
    given = {c.kind: c for c in Consent.objects.filter(user=user, withdrawn_at=None)}
    open_kinds = offered()
    out = []
    for kind, (version, wording) in WORDING.items():
        if kind not in open_kinds and kind not in given:
            continue
        valid = given.get(kind) if kind in given and given[kind].version == version else None
        out.append(
            {
                "kind": str(kind),
                "version": version,
                "wording": str(wording),
                "sha256": sha256(str(wording)),
                "given": valid is not None,
                "given_at": valid.given_at if valid else None,
            }
        )
    return out


def history(user: User) -> list[Consent]:
    """All that the user ever gave, the newest first: each with its wording, and until when it counted."""
    return list(Consent.objects.filter(user=user).order_by("-given_at", "-id"))


def concerned(user: User, kind: str) -> list[tuple[str, int]]:
    """What the withdrawal of this consent would end or delete now, and how many of each."""
    found = (each for count in registry.concerned.get(kind, []) for each in count(user))
    return [(str(what), n) for what, n in found if n]


def has(user_id: Any, kind: str) -> bool:
    return Consent.objects.filter(
        user=user_id, kind=kind, version=WORDING[kind][0], withdrawn_at=None
    ).exists()


def require(user: User, kind: str) -> None:
    """Raises ConsentRequired."""
    if not has(user.id, kind):
        raise ConsentRequired(extra={"kind": str(kind)})


@transaction.atomic
def give(user: User, *, kind: str, version: str) -> Consent:
    """Record the consent, with its wording in the user's language. A second call keeps the first record.
    Raises Invalid."""
    if kind not in offered():
        raise Invalid(errors={"kind": [str(_("There is no consent of this kind."))]})
    now_version, wording = WORDING[kind]
    if version != now_version:
        raise Invalid(errors={"version": [str(WORDING_CHANGED)]})
    User.objects.select_for_update().get(id=user.id)  # of two requests at once, the second finds the first's
    live = Consent.objects.filter(user=user, kind=kind, withdrawn_at=None).first()
    if live and live.version == version:
        return live
    if live:
        Consent.objects.filter(id=live.id).update(withdrawn_at=timezone.now())
    for begin in registry.on_give.get(kind, []):
        transaction.on_commit(partial(begin, user), robust=True)
    language = translation.get_language() or "en"
    return Consent.objects.create(
        user=user, kind=kind, version=version, wording=str(wording), language=language
    )


@transaction.atomic
def withdraw(user: User, *, kind: str) -> None:
    """End the consent and stop everything that it allowed, at once. Raises NotFound when it is not given."""
    if not Consent.objects.filter(user=user, kind=kind, withdrawn_at=None).update(
        withdrawn_at=timezone.now()
    ):
        raise NotFound
    for stop in registry.on_withdraw.get(kind, []):
        stop(user)
