"""What people read about a file's origin: the sentences of ml.provenance, marked for translation."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

VERDICTS: dict[str, Any] = {
    "ours": _("Made by PhotoFlux ({engine} engine) on {date}. The signature is intact."),
    "ours_edited": _("Edited with PhotoFlux ({engine} engine) on {date}. The signature is intact."),
    "ours_changed": _(
        "The invisible mark says that this picture came from here. The file was changed since: "
        "saved again, cropped or scaled."
    ),
    "others": _("This file is signed by somebody else, not by PhotoFlux."),
    "unknown": _("Nothing here says that this file came from PhotoFlux."),
}
REASONS: dict[str, Any] = {
    "signature_intact": _("It carries our signature, and nothing was changed since."),
    "signature_missing": _("It carries no signature. Saving a file again removes it."),
    "signature_unread": _("Signatures are read in PNG, JPEG, WebP and MP4 files only."),
    "signature_broken": _("It carries a signature, but the file was changed after signing."),
    "signature_invalid": _("It carries a signature that is damaged or not valid."),
    "signature_not_ours": _(
        "It carries a signature in PhotoFlux's name, by a key that is not one of ours. Do not rely on it."
    ),
    "signature_of_others": _("It carries a signature in another name, and nothing was changed since."),
    "mark_found": _(
        "Our invisible mark is in the picture. It is a trace and no proof: a mark can be copied."
    ),
    "mark_cropped": _("The picture is only a part of the one that was marked."),
    "mark_mirrored": _("The picture is mirrored."),
    "mark_missing": _("No invisible mark was found. Strong changes remove it."),
    "pixels_unread": _("The pixels could not be read, so no mark was looked for."),
}
