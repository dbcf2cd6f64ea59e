from __future__ import annotations

from django import forms
from django.conf import settings

from accounts.models import User


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    language = forms.ChoiceField(choices=settings.LANGUAGES)

    class Meta:
        model = User
        fields = ("display_name", "language")
