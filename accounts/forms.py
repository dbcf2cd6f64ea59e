from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts import consents
from accounts.models import Kind, PhotosKept, User
from accounts.serializers import validate_name
from config.web.text import FormName


class SignupTerms(forms.Form):
    """The part of the sign-up, on the page and in the API, that agrees to the terms.

    `terms` is the version that was read. A client of the API may leave it out: signing up agrees to the
    current one.
    """

    terms = FormName(required=False, max_length=20, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.terms_version, self.terms_wording = consents.WORDING[Kind.TERMS]
        self.fields["terms"].initial = self.terms_version

    def clean_terms(self) -> str:
        if self.cleaned_data["terms"] not in ("", self.terms_version):
            raise forms.ValidationError(consents.WORDING_CHANGED)
        return self.terms_version

    def signup(self, request: Any, user: User) -> None:
        consents.give(user, kind=Kind.TERMS, version=self.terms_version)


class PrivacyForm(forms.ModelForm):  # type: ignore[type-arg]
    photos_kept = forms.ChoiceField(
        label=_("How long are the photos of my twins kept?"),
        choices=PhotosKept.choices,
        widget=forms.RadioSelect,
    )

    class Meta:
        model = User
        fields = ("photos_kept",)


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    display_name = FormName(label=_("Name"), required=False, max_length=80, validators=[validate_name])
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)

    class Meta:
        model = User
        fields = ("display_name", "language")
