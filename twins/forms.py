from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from config.web.text import FormName
from twins.models import Twin


class TwinForm(forms.Form):
    name = FormName(
        label=_("Name of the twin"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    subject_class = forms.ChoiceField(label=_("Who it shows"), choices=Twin.Subject.choices)
