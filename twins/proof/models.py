"""The live selfie: challenges, selfies with their verdicts, proofs, and the links of those who do them.

A twin on a photorealistic base needs a Proof: a selfie of a live person, taken in an order that the server
drew, whose face is that of the photos. `Invitation` is the consent of somebody else than the owner.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import VectorField

from accounts import consents, retention
from accounts.models import Consent, Kind
from accounts.vault.vault import store
from config.querysets import OwnedQuerySet
from config.runs.models import Run, RunQuerySet

VALID = timedelta(minutes=2)  # from the draw of a challenge to the upload of its frames
KEPT = retention.kept("selfies") - timedelta(hours=1)  # the sweep, which runs every hour, is in time then
PHONE = timedelta(minutes=15)  # how long the link to a phone can be opened
INVITED = timedelta(days=7)  # how long a consent link can be used


class Link(models.Model):
    """A link with a random token, of which only the hash is stored (links.py)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")  # who made it
    twin = models.ForeignKey("twins.Twin", models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {str(self.id)[:8]}"

    @property
    def is_open(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()


class InvitationQuerySet(OwnedQuerySet):
    def consented(self) -> Self:
        """Those whose person agreed to the current wording and did not withdraw."""
        version = consents.WORDING[Kind.BIOMETRIC_TWIN][0]
        return self.filter(agreed_at__isnull=False, withdrawn_at=None, version=version)


class Invitation(Link):
    """The consent of the person whom a twin shows, when that is not the owner. The person needs no account:
    the link is who they are, and a second link withdraws."""

    version = models.CharField(max_length=20, blank=True)
    wording = models.TextField(blank=True)  # as the person read it
    language = models.CharField(max_length=10, blank=True)
    agreed_at = models.DateTimeField(null=True, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)  # the selfie was accepted: the link is spent
    session = models.CharField(max_length=64, blank=True, editable=False)  # the browser that agreed last
    # Of the links that withdraw. Each agreement makes one, and none ever stops working.
    withdrawal_hashes = ArrayField(models.CharField(max_length=64), default=list, editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        verbose_name = _("consent link")
        constraints = (
            models.UniqueConstraint(
                fields=["twin"],
                condition=Q(revoked_at=None, withdrawn_at=None),
                name="one_consent_link_a_twin",
            ),
        )


class PhoneLink(Link):
    """Goes on with the owner's selfie on a phone. The first browser that begins there keeps it."""

    session = models.CharField(max_length=64, blank=True, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("link to a phone")


class Challenge(models.Model):
    """An order of movements, for one selfie in one session."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")  # the twin's owner
    twin = models.ForeignKey("twins.Twin", models.CASCADE, related_name="challenges")
    invitation = models.ForeignKey(Invitation, models.CASCADE, null=True, related_name="+")
    session = models.CharField(max_length=64, blank=True, editable=False)  # config.runs.events.session_id
    steps = ArrayField(models.CharField(max_length=10), editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    objects = OwnedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"challenge {str(self.id)[:8]}"


class SelfieQuerySet(RunQuerySet):
    def waiting(self) -> Self:
        """Those that a person of staff must look at."""
        return self.filter(accepted=True, decided_at=None).exclude(review="")

    def with_frames(self) -> Self:
        return self.filter(frames_deleted_at=None)


class Selfie(Run):
    """The frames of one challenge and their check. Frames live for at most a day; their hashes and the
    verdict stay. `user` is the twin's owner, also when somebody else took the selfie."""

    task, queue, kind_name = "twins.check_selfie", "cpu", "selfie"

    challenge = models.OneToOneField(Challenge, models.CASCADE, related_name="selfie")  # once, so single-use
    twin = models.ForeignKey("twins.Twin", models.CASCADE, related_name="selfies")
    invitation = models.ForeignKey(Invitation, models.CASCADE, null=True, related_name="selfies")
    sizes = models.JSONField(default=list)  # of each movement, the bytes of each frame
    frame_hashes = ArrayField(models.CharField(max_length=64), default=list)  # SHA-256 of each frame
    frames_hash = models.CharField(max_length=64)  # SHA-256 of all frames
    frames_deleted_at = models.DateTimeField(null=True, editable=False)
    prints = ArrayField(models.BigIntegerField(), default=list)  # perceptual hashes, as signed numbers
    accepted = models.BooleanField(null=True)  # None until the check ends
    code = models.CharField(max_length=40, blank=True)
    step = models.PositiveSmallIntegerField(null=True)  # index of the movement that was refused
    review = models.CharField(max_length=40, blank=True)  # why staff must look before it counts
    decided_at = models.DateTimeField(null=True, editable=False)
    matched = ArrayField(models.UUIDField(), default=list)  # the photos that show its face
    likeness = ArrayField(
        models.FloatField(null=True), default=list
    )  # to each accepted photo, in order of time
    measures = models.JSONField(default=dict)  # for staff
    embedding = VectorField(null=True)  # kept until a proof or a refusal takes its place
    embedder = models.CharField(max_length=40, blank=True)

    objects = SelfieQuerySet.as_manager()

    class Meta(Run.Meta):
        ordering = ("-created_at", "-id")
        permissions = (
            ("view_evidence", "Can look at the frames of a selfie, with a reason"),
            ("review_selfie", "Can decide about a selfie that waits for review"),
        )
        indexes = (
            *Run.Meta.indexes,
            GinIndex(fields=["frame_hashes"], name="selfies_by_frame"),
            GinIndex(fields=["prints"], name="selfies_by_print"),
        )
        constraints = (
            *Run.Meta.constraints,
            models.UniqueConstraint(
                fields=["twin"], condition=Q(status__in=["queued", "running"]), name="one_selfie_at_a_time"
            ),
        )

    @property
    def frames_file(self) -> str:
        return f"selfies/{self.id}.frames"

    @property
    def face_file(self) -> str:
        return f"selfies/{self.id}.jpg"

    @property
    def is_waiting(self) -> bool:
        return bool(self.accepted and self.review and self.decided_at is None)

    def on_end(self) -> None:
        """A selfie without a verdict (a lost worker, a withdrawal) leaves no frames."""
        super().on_end()
        if self.accepted is None:
            self.delete_frames()

    def delete_frames(self) -> None:
        """Deletes the files once the transaction is committed."""
        type(self).objects.filter(id=self.id, frames_deleted_at=None).update(frames_deleted_at=timezone.now())
        files, names = store(self.user_id), (self.frames_file, self.face_file)
        transaction.on_commit(lambda: [files.delete(name) for name in names], robust=True)

    @classmethod
    def known_files(cls, user_id: uuid.UUID) -> Iterator[str]:
        for selfie in cls.objects.filter(user=user_id).with_frames().only("id"):
            yield from (selfie.frames_file, selfie.face_file)


class ProofQuerySet(OwnedQuerySet):
    def live(self) -> Self:
        """Those that are not replaced, and whose consent stands."""
        version = consents.WORDING[Kind.BIOMETRIC_TWIN][0]
        own = Q(consent__withdrawn_at=None, consent__version=version, twin__of_other=False)
        others = Q(invitation__withdrawn_at=None, invitation__version=version, twin__of_other=True)
        return self.filter(own | others, ended_at=None)


class Proof(models.Model):
    """That a live person with the face of these photos agreed to this twin."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")  # the twin's owner
    twin = models.ForeignKey("twins.Twin", models.CASCADE, related_name="proofs")
    selfie = models.OneToOneField(Selfie, models.CASCADE, related_name="proof")  # there is none without it
    consent = models.ForeignKey(Consent, models.CASCADE, null=True, related_name="+")
    invitation = models.ForeignKey(Invitation, models.CASCADE, null=True, related_name="+")
    photos = models.ManyToManyField("twins.Photo", related_name="proofs")  # that the face was matched with
    embedding = VectorField(null=True)  # of the selfie's face; None once the consent is withdrawn
    embedder = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    objects = ProofQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(fields=["twin"], condition=Q(ended_at=None), name="one_proof_at_a_time"),
            models.CheckConstraint(
                condition=Q(consent__isnull=True) ^ Q(invitation__isnull=True), name="proof_of_one_consent"
            ),
        )

    def __str__(self) -> str:
        return f"proof {str(self.id)[:8]}"
