"""A part of a picture, painted again: by the picture's twin, under a mask or in a region of the face."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from generation.kinds.image import ImageKind


class RepairKind(ImageKind):
    name, label = "repair", _("a repaired picture")
