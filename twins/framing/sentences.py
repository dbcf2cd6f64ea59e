"""What to do, as long as the camera is on. "" is: nothing, take the photo."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

SENTENCES: dict[str, Any] = {
    "": _("Good. Take the photo."),
    "no_face": _("Bring your face into the oval."),
    "several_faces": _("Somebody else is in the picture too."),
    "face_cut_off": _("Move back a little, so that your whole face is in the picture."),
    "face_too_small": _("Come closer."),
    "too_dark": _("More light on your face, please."),
    "too_bright": _("Less light on your face, please."),
    "blurred": _("Hold still."),
}
