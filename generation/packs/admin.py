"""Staff edit presets and packs. What an engine's vocabulary lacks is told here, and only here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.engines import offers
from config.web.admin import ClosedAdmin
from config.web.labels import engine_name
from generation.packs.models import Pack, Preset
from generation.packs.prompts import readable
from ml.catalogue import Base
from ml.prompts import unknown_words
from ml.words import screening

REFUSED = gettext_lazy("These words are refused in prompts (%(code)s). Choose others.")
LACKS = gettext_lazy("%(engine)s does not know: %(words)s. There this preset is left out.")
REPLACED = gettext_lazy("%(engine)s does not know: %(words)s. It reads the simple words instead.")
UNFIT = gettext_lazy("%(engine)s cannot make this pack: it has no %(kinds)s that it knows.")
PLAIN = gettext_lazy("%(engine)s does not know: %(words)s. It reads the presets alone.")


def check_words(text: str) -> None:
    """Raises ValidationError for words that a prompt may not have."""
    verdict = screening.screen(text)
    if text and not verdict.allowed:
        raise forms.ValidationError(REFUSED % {"code": verdict.code})


class PresetForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_words(self) -> str:
        check_words(self.cleaned_data["words"])
        return str(self.cleaned_data["words"])

    def clean_simple_words(self) -> str:
        check_words(self.cleaned_data["simple_words"])
        return str(self.cleaned_data["simple_words"])


class PackForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_words(self) -> str:
        check_words(self.cleaned_data["words"])
        return str(self.cleaned_data["words"])


def lacks_of_preset(preset: Preset, base: Base) -> str:
    """What an engine does not know of a preset, in a sentence; "" when it knows all."""
    unknown = unknown_words(base, preset.words)
    if not unknown:
        return ""
    sentence = REPLACED if preset.words_for(base) else LACKS
    return sentence % {"engine": engine_name(base.name), "words": ", ".join(unknown)}


def lacks_of_pack(pack: Pack, base: Base) -> list[str]:
    """What an engine does not know of a pack and its presets, in sentences."""
    name = engine_name(base.name)
    kinds = [
        str(kind.label)
        for kind, words in zip(Preset.Kind, readable(pack.choices(), base), strict=True)
        if not words
    ]
    said = [UNFIT % {"engine": name, "kinds": ", ".join(kinds)}] if kinds else []
    if unknown := unknown_words(base, pack.words):
        said.append(PLAIN % {"engine": name, "words": ", ".join(unknown)})
    found = ((preset, lacks_of_preset(preset, base)) for preset in pack.choices())
    return said + [f"{preset}: {sentence}" for preset, sentence in found if sentence]


class TellsLacks(ClosedAdmin):
    """Tells after each change what the engines of this installation do not know."""

    list_display: Any = ("name", "code", "enabled", "order", "lacks")
    list_filter: Any = ("enabled",)
    readonly_fields = ("lacks",)

    def sentences(self, row: Any) -> list[str]:
        raise NotImplementedError

    @admin.display(description=gettext_lazy("unknown to engines"))
    def lacks(self, row: Any) -> str:
        return " ".join(self.sentences(row)) if row.pk else "–"

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        fresh = type(form.instance).objects.get(pk=form.instance.pk)
        for sentence in self.sentences(fresh):
            messages.warning(request, sentence)


@admin.register(Preset)
class PresetAdmin(TellsLacks):
    form = PresetForm
    list_display = ("name", "kind", "code", "words", "enabled", "order", "lacks")
    list_filter = ("kind", "enabled")

    def sentences(self, row: Any) -> list[str]:
        said = [lacks_of_preset(row, base) for base in offers.configured()]
        return [sentence for sentence in said if sentence]


@admin.register(Pack)
class PackAdmin(TellsLacks):
    form = PackForm
    filter_horizontal = ("presets",)
    list_display = ("name", "code", "style", "aspect_ratio", "enabled", "order", "lacks")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).prefetch_related("presets")

    def sentences(self, row: Any) -> list[str]:
        missing = set(Preset.Kind) - {preset.kind for preset in row.choices()}
        if missing:
            kinds = ", ".join(str(kind.label) for kind in Preset.Kind if kind in missing)
            return [_("It is not offered: it has no %(kinds)s.") % {"kinds": kinds}]
        return [sentence for base in offers.configured() for sentence in lacks_of_pack(row, base)]
