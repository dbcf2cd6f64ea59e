"""Requests for clips: short videos of a twin, from words alone or from a picture of the twin."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from billing.engines import offers
from config.errors import DomainError, Invalid
from config.web.labels import MOTION_NAMES
from gallery.models import Item
from generation import engines, references, repairs
from generation.clips import beginning
from generation.models import Job
from generation.services import TwinGone, request_job, usable_training
from ml.animation import SECONDS
from ml.catalogue import Base, video_of
from ml.motions import named_in
from moderation import policy
from twins.models import Training, Twin
from twins.proof import subjects, validity

VIDEO = "video"  # the kind of job
USUAL = "smile"  # the motion where none is asked for
COPIED = ("prompt", "negative_prompt", "style", "era", "aspect_ratio", "duration", "motion", "action")
COPIED += ("reference", "album")


class ClipOfNobody(DomainError):
    code = "picture_without_twin"
    message = _(
        "Only pictures of a trained twin of yours can be animated, and this one shows none. Nothing was"
        " charged. Choose a picture of your twin."
    )


class EngineWithoutVideo(DomainError):
    code = "engine_without_video"
    message = _("This engine makes no clips. Nothing was charged. Choose another engine.")


class MotionUnread(DomainError):
    code = "motion_unknown"
    message = _(
        "This engine makes these movements, alone or together: %(known)s. Nothing was charged. Name them and"
        " nothing else, choose one of the list, or choose another engine."
    )

    def __init__(self) -> None:
        super().__init__(known=", ".join(str(name).lower() for name in MOTION_NAMES.values()))


REFUSALS = (ClipOfNobody, EngineWithoutVideo, MotionUnread, references.ReferenceNotAllowed)
REFUSALS += (validity.VerificationRequired, *beginning.REFUSALS.values())


def request_clip(
    user: Any,
    *,
    twin: Twin | None = None,
    prompt: str = "",
    reference: UUID | None = None,
    training: Training | None = None,
    key: str | None = None,
    body_hash: str = "",
    **fields: Any,
) -> Job:
    """Enqueues a clip: of the picture `reference` and of its twin, else of a picture that is made first from
    the prompt. Raises REFUSALS, Invalid, and as services.request_job."""
    fields = {"duration": SECONDS[0]} | fields
    if not fields.get("motion") and not fields.get("action"):
        fields["motion"] = USUAL
    job = Job(user=user, kind=VIDEO, twin=twin, prompt=prompt, reference=reference, **fields)
    if reference:
        training = _of_picture(job)
    compose = partial(_compose, training=training)
    return request_job(job, training=training, key=key, body_hash=body_hash, compose=compose)


def _of_picture(job: Job) -> Training | None:
    """Sets the twin, the words and the shape of the picture that the clip begins from; the twin's version
    that made it. Raises NotFound, ReferenceNotAllowed, ClipOfNobody, TwinDisabled, Invalid,
    and beginning.REFUSALS."""
    item = Item.objects.owned_by(job.user).get_or_404(job.reference)
    references.require_allowed(item)
    beginning.require_one_face(item)
    twin, training = repairs.who(item)
    if twin is None:
        raise ClipOfNobody
    if job.twin not in (None, twin):
        raise Invalid(errors={"twin": [str(_("The picture shows another twin. Leave the twin out."))]})
    job.twin, job.prompt = twin, job.prompt or item.prompt
    job.style, job.aspect_ratio = item.style or "photorealistic", references.nearest_aspect(item)
    return training


def _compose(job: Job, *, training: Training | None) -> None:
    """Screens the words and sets the engine."""
    check_words(job)
    if job.twin is not None:
        subjects.require_consent(job.twin)
        job.training = training or usable_training(job.twin)
    base = engine_of(job)
    if job.twin is not None and base.photorealistic:
        validity.require(job.twin)
    job.engine = base.name


def check_words(job: Job) -> None:
    """Screens all words together, as a movement may give the prompt another meaning. Raises PromptRefused."""
    words = "\n".join(filter(None, (job.prompt, job.action)))
    if words:
        policy.check_prompt(job.user, words, job.negative_prompt)


def engine_of(job: Job) -> Base:
    """The engine asked for; else the usual one, or the first that makes clips. Raises EngineWithoutVideo,
    MotionUnread, and as engines.chosen."""
    base = engines.chosen(job)
    if not job.engine and not base.video:
        version = job.training
        able = offers.serving(job.user, version) if version else offers.usable(job.user)
        base = next((each for each in able if each.video), base)
    moves = video_of(base)
    if moves is None:
        raise EngineWithoutVideo
    if job.action and not moves.words and not named_in(job.action):
        raise MotionUnread
    return base


def again(
    job: Job, *, same_seed: bool = True, key: str | None = None, body_hash: str = "", **other: Any
) -> Job:
    """The same clip again, with what `other` changes. With the same seed it also uses the same version of the
    twin. Raises TwinGone, and as request_clip."""
    fields = {name: getattr(job, name) for name in COPIED} | {"twin": job.twin, "engine": job.base.name}
    if other.keys() & {"motion", "action"}:
        fields |= {"motion": "", "action": ""}
    fields |= {"seed": job.seed if same_seed else None, "repeats": job} | other
    twin = fields["twin"]
    if twin is None and job.of_twin and "twin" not in other:
        raise TwinGone
    training = job.training if same_seed and twin == job.twin else None
    if "engine" not in other:
        fields["engine"] = engines.kept(job.base, training or (twin.active_training if twin else None))
    return request_clip(job.user, training=training, key=key, body_hash=body_hash, **fields)


def is_offered(user: Any) -> bool:
    """Whether an engine that this user may use makes clips."""
    return any(base.video for base in offers.usable(user))
