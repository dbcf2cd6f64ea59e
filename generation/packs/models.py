"""Presets and packs, which staff edit in the admin, and the example pictures of packs."""

from __future__ import annotations

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from ml.catalogue import Base
from ml.prompts import unknown_words
from ml.types import ASPECTS, STYLES

PICTURES = 4  # example pictures of a pack, at most


class Named(models.Model):
    """A row with a name in each language of the pages."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(_("name in English"), max_length=60)
    name_es = models.CharField(_("name in Spanish"), max_length=60)
    name_zh = models.CharField(_("name in Chinese"), max_length=60)
    enabled = models.BooleanField(_("offered"), default=True)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True
        ordering = ("order", "code")

    def __str__(self) -> str:
        return str(self.label)

    @property
    def label(self) -> str:
        """The name in the language of the request."""
        return {"es": self.name_es, "zh-hans": self.name_zh}.get(get_language() or "") or self.name


class Preset(Named):
    """One choice of a pack, with the words for it in prompts, which are English."""

    class Kind(models.TextChoices):
        BACKGROUND = "background", _("background")
        ATTIRE = "attire", _("attire")
        LIGHT = "light", _("light")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    words = models.CharField(max_length=120)
    simple_words = models.CharField(
        max_length=120,
        blank=True,
        help_text=_(
            "For engines that do not know the words. Only words that show nearly the same: without them the"
            " preset is left out there."
        ),
    )

    class Meta(Named.Meta):
        ordering = ("kind", "order", "code")
        verbose_name, verbose_name_plural = _("preset of packs"), _("presets of packs")

    def words_for(self, base: Base) -> str:
        """The words that this base reads; "" when it knows neither."""
        able = (words for words in (self.words, self.simple_words) if words)
        return next((words for words in able if not unknown_words(base, words)), "")


class Pack(Named):
    """Presets that go together. A request names the pack, and maybe some of its presets."""

    presets = models.ManyToManyField(Preset, related_name="packs", blank=True)
    style = models.CharField(max_length=20, choices=[(s, s) for s in STYLES], default=STYLES[0])
    aspect_ratio = models.CharField(max_length=5, choices=[(a, a) for a in ASPECTS], default="4:5")
    words = models.CharField(
        max_length=120, blank=True, help_text=_("In front of the words of the presets, in each prompt.")
    )

    class Meta(Named.Meta):
        verbose_name, verbose_name_plural = _("pack of headshots"), _("packs of headshots")

    def choices(self) -> list[Preset]:
        """Its presets that are offered."""
        return [preset for preset in self.presets.all() if preset.enabled]


class PackPicture(models.Model):
    """An example picture, made by `manage.py pack_previews`. It shows nobody's twin, so it is not sealed."""

    pack = models.ForeignKey(Pack, models.CASCADE, related_name="pictures")
    number = models.PositiveSmallIntegerField()
    engine = models.CharField(max_length=40)
    prompt = models.TextField()
    data = models.BinaryField()  # JPEG
    etag = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["pack", "number"], name="one_picture_a_number"),)

    def __str__(self) -> str:
        return f"{self.pack_id} {self.number}"

    @property
    def address(self) -> str:
        return f"/api/v1/packs/{self.pack.code}/pictures/{self.number}?{self.etag[:8]}"
