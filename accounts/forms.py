from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from config.web.text import FormName


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    training = forms.BooleanField(label=_("A mail when a training ends"), required=False)

    class Meta:
        model = User
        fields = ("display_name", "language")
        field_classes = {"display_name": FormName}  # noqa: RUF012  as in Django's forms

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["training"] = self.instance.notifications.get("training", True)

    def save(self, commit: bool = True) -> User:
        self.instance.notifications = {
            **self.instance.notifications,
            "training": self.cleaned_data["training"],
        }
        user: User = super().save(commit)
        return user
