"""The words for an avatar: its traits and their choices, and the notes of ml/avatar/traits.py."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ml.avatar import traits

LABEL = _("drawn avatar by the built-in engine")
NOTES: dict[str, Any] = {
    traits.COVERED: _(
        "Something covers the hair, such as a scarf or a hat: the nearest cut and the colour of the brows"
        " were taken. Correct them if they are wrong."
    ),
    traits.UNSURE: _("No known cut fits the hair well: the nearest was taken. Correct it if it is wrong."),
    traits.MIXED: _("The hair looks different from photo to photo: what most of them show was taken."),
    traits.FAR_SKIN: _("The built-in engine cannot draw this tone of skin exactly: the nearest was taken."),
    traits.DARK: _("The photos are dark, so the tone of the skin is a guess."),
}
TRAITS: dict[str, Any] = {
    "hair": _("Cut of the hair"),
    "hair_colour": _("Colour of the hair"),
    "skin": _("Tone of the skin"),
    "eyes": _("Colour of the eyes"),
    "glasses": _("Glasses"),
    "beard": _("Beard"),
}
CHOICES: dict[str, dict[str, Any]] = {
    "hair": {
        "bald": pgettext_lazy("hair", "Bald"),
        "buzz": pgettext_lazy("hair", "Buzz cut"),
        "short": pgettext_lazy("hair", "Short"),
        "parted": pgettext_lazy("hair", "Side parting"),
        "quiff": pgettext_lazy("hair", "Quiff"),
        "curly": pgettext_lazy("hair", "Curly"),
        "afro": pgettext_lazy("hair", "Afro"),
        "bob": pgettext_lazy("hair", "Bob"),
        "fringe": pgettext_lazy("hair", "Bob with a fringe"),
        "long": pgettext_lazy("hair", "Long"),
        "wavy": pgettext_lazy("hair", "Long and wavy"),
        "tied": pgettext_lazy("hair", "Tied back"),
        "bun": pgettext_lazy("hair", "Bun"),
    },
    "hair_colour": {
        "black": pgettext_lazy("hair", "Black"),
        "brown": pgettext_lazy("hair", "Brown"),
        "chestnut": pgettext_lazy("hair", "Chestnut"),
        "red": pgettext_lazy("hair", "Red"),
        "blonde": pgettext_lazy("hair", "Blonde"),
        "grey": pgettext_lazy("hair", "Grey"),
        "white": pgettext_lazy("hair", "White"),
        "blue": pgettext_lazy("hair", "Blue"),
        "pink": pgettext_lazy("hair", "Pink"),
        "purple": pgettext_lazy("hair", "Purple"),
    },
    "eyes": {
        "brown": pgettext_lazy("eyes", "Brown"),
        "dark": pgettext_lazy("eyes", "Dark"),
        "hazel": pgettext_lazy("eyes", "Hazel"),
        "green": pgettext_lazy("eyes", "Green"),
        "blue": pgettext_lazy("eyes", "Blue"),
        "grey": pgettext_lazy("eyes", "Grey"),
    },
    "glasses": {
        "none": pgettext_lazy("glasses", "None"),
        "round": pgettext_lazy("glasses", "Round"),
        "square": pgettext_lazy("glasses", "Square"),
    },
    "beard": {
        "none": pgettext_lazy("beard", "None"),
        "stubble": pgettext_lazy("beard", "Stubble"),
        "moustache": pgettext_lazy("beard", "Moustache"),
        "goatee": pgettext_lazy("beard", "Goatee"),
        "beard": pgettext_lazy("beard", "Full beard"),
    },
}
