"""A part of a picture, painted again: by the picture's twin, under a mask or in a region of the face."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from gallery.models import Item
from gallery.shelf import stacks
from generation.kinds.image import ImageKind
from generation.models import Job
from ml import types


class RepairKind(ImageKind):
    name, label = "repair", _("a repaired picture")

    def record(self, job: Job, index: int, ident: UUID, result: types.Picture, facts: dict[str, Any]) -> None:
        super().record(job, index, ident, result, facts)
        item = Item.objects.select_related("original").get(id=ident)
        if item.original:
            stacks.join(item, item.original)
