"""Users, their consents, the keys to their files, their archives, and the erasure of accounts."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any, ClassVar

from django.contrib.auth.hashers import check_password, get_hasher, identify_hasher, is_password_usable
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import retention
from accounts.notices import models as notices  # noqa: F401  registers its models
from accounts.phones import models as phones  # noqa: F401  registers its models
from accounts.privacy import models as privacy  # noqa: F401  registers its models
from accounts.standing import models as standing  # noqa: F401  registers its model
from config.runs.models import Run
from config.web import text


def _is_old(encoded: str) -> bool:
    hasher, used = get_hasher(), identify_hasher(encoded)
    return used.algorithm != hasher.algorithm or hasher.must_update(encoded)


class UserManager(BaseUserManager):  # type: ignore[type-arg]
    def create_user(self, email: str | None = None, password: str | None = None, **fields: Any) -> User:
        user: User = self.model(email=text.address(email or "") or None, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """The operator typed the address, so it counts as confirmed: staff need that for a second factor."""
        from allauth.account.models import EmailAddress  # it needs the user model

        user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user


class PhotosKept(models.TextChoices):
    """How long the photos of twins are kept (twins/retiring.py)."""

    UNTIL_DELETED = "until_deleted", _("Until I delete them")
    TRAINED = "trained", _("Until 30 days after the last training with them")


class User(AbstractUser):
    """A person. A missing e-mail address or phone number is NULL, so that the columns stay unique."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = None  # type: ignore[assignment]
    first_name = last_name = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail"), unique=True, null=True)
    phone = models.CharField(_("phone"), max_length=20, unique=True, null=True, blank=True)
    display_name = models.CharField(_("name"), max_length=80, blank=True)
    language = models.CharField(_("language"), max_length=10, default="en")  # "" until the first log-in
    # The last time zone seen (accounts/zones.py), for example Europe/Madrid. Empty: UTC.
    zone = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    birth_date = models.DateField(_("date of birth"), null=True, blank=True)
    notifications = models.JSONField(default=dict, blank=True)
    photos_kept = models.CharField(
        _("photos of my twins"),
        max_length=15,
        choices=PhotosKept.choices,
        default=PhotosKept.UNTIL_DELETED,
        db_default=PhotosKept.UNTIL_DELETED,
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    # Set at sign-up: when another account has the address, `email` stays empty and `address` has it.
    shares_email = False
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        verbose_name, verbose_name_plural = _("user"), _("users")

    def __str__(self) -> str:
        return self.display_name or self.email or self.phone or self.address or str(self.id)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email, self.phone = text.address(self.email or "") or None, self.phone or None
        try:
            with transaction.atomic():
                super().save(*args, **kwargs)
        except IntegrityError:
            if not self.shares_email or self.email is None:
                raise
            self.email = None
            super().save(*args, **kwargs)

    @property
    def address(self) -> str | None:
        """The account's e-mail address. `email` is the same, unless another account has it there too."""
        primary = self.emailaddress_set.filter(primary=True).first()
        return primary.email if primary else self.email

    @property
    def proven_address(self) -> str | None:
        """The address, if its owner has opened a link that was sent there. Notices go nowhere else."""
        address = self.address
        proven = self.emailaddress_set.filter(email=address, verified=True).exists()
        return address if proven else None

    def set_password(self, raw_password: str | None) -> None:
        super().set_password(None if raw_password is None else text.nfc(raw_password))

    def check_password(self, raw_password: str) -> bool:
        """Compares the normal form, then what was typed: older passwords were kept as they were typed."""
        return any(check_password(each, self.password) for each in {text.nfc(raw_password), raw_password})

    def renew_hash(self, raw_password: str) -> None:
        """At a log-in with the right password: replaces a hash of an older kind. That ends other sessions, as
        they hold a part of the old one, so no other check of the password does it."""
        if not is_password_usable(self.password) or not _is_old(self.password):
            return
        self.set_password(raw_password)
        self._password = None  # it is the same password: event streams go on
        self.save(update_fields=["password"])

    def get_full_name(self) -> str:
        return self.display_name

    get_short_name = get_full_name


class DataKey(models.Model):
    """The key of one person's files, wrapped by a master key. Without it the files cannot be decrypted."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="data_key")
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"key of {self.user_id}"


class Kind(models.TextChoices):
    TERMS = "terms", _("terms of use")
    BIOMETRIC_TWIN = "biometric_twin", _("a twin from my photos")
    FACE_SEARCH = "face_search", _("search by face")
    IMPROVEMENT = "improvement", _("improvement of the product")
    ENGINE_FAL = "engine_fal", _("twins and pictures made at fal.ai")
    ENGINE_TOGETHER = "engine_together", _("pictures made at Together AI")


class Consent(models.Model):
    """A consent: its version, the wording in the language that was shown, when given and when withdrawn.

    The database refuses every change of a row but its withdrawal, and every change of a withdrawn one: who
    agrees again gets a new row.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="consents")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    version = models.CharField(max_length=20)
    wording = models.TextField()
    language = models.CharField(max_length=10)
    given_at = models.DateTimeField(default=timezone.now, editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["user", "kind"], condition=Q(withdrawn_at=None), name="one_consent_of_a_kind"
            ),
        )
        ordering = ("-given_at",)

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"

    @property
    def sha256(self) -> str:
        """Of the wording, in UTF-8."""
        return sha256(self.wording)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Export(Run):
    """An archive of chosen items, or of all of a user's data."""

    task, queue, kind_name = "accounts.export", "io", "export"
    KEPT = retention.kept("archives")  # after this the archive is deleted

    class Scope(models.TextChoices):
        ITEMS = "items", _("chosen items")
        EVERYTHING = "everything", _("everything")

    scope = models.CharField(max_length=10, choices=Scope.choices)
    chosen = models.JSONField(default=dict)  # the ids or the filter that were asked for
    size = models.BigIntegerField(default=0)  # bytes of the archive
    expires_at = models.DateTimeField(null=True)

    @property
    def file(self) -> str:
        return f"exports/{self.id}.zip"


class Erasure(models.Model):
    """A request to erase an account. Its id is the receipt; once all is done the row names nobody any more.

    It is committed before anything is erased, so that a worker can go on after a crash.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.UUIDField(null=True, unique=True, editable=False)  # the user's id, until all is erased
    email = models.EmailField(blank=True, editable=False)  # for the receipt, until it is sent
    language = models.CharField(max_length=10, default="en", editable=False)
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    erased_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"erasure {str(self.id)[:8]}"
