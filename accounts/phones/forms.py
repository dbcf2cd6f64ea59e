from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.phones import numbers
from config.errors import DomainError
from config.web.text import FormName, FormText


class NumberForm(forms.Form):
    country = forms.ChoiceField(label=_("Country"), required=False)
    phone = FormName(
        label=_("Phone number"),
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
    )

    def __init__(self, *args: Any, languages: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = numbers.choices()  # type: ignore[attr-defined]
        self.fields["country"].initial = numbers.country_of(languages)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "phone" in data:
            try:
                data["phone"] = numbers.normal(data["phone"], data.get("country", ""))
            except DomainError as error:
                self.add_error("phone", error.errors["phone"])  # type: ignore[arg-type]
        return data


class CodeForm(forms.Form):
    code = FormText(
        label=_("The six digits of the code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autofocus": True,
                "class": "tel-code",
            }
        ),
    )
    terms = FormText(required=False, max_length=20, widget=forms.HiddenInput)
