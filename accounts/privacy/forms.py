from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.privacy.models import PrivacyRequest
from config.web import text
from config.web.text import FormText

LONGEST = 254  # signs of an address


class RequestForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("I ask you"), choices=PrivacyRequest.Kind.choices, widget=forms.RadioSelect
    )
    email = forms.EmailField(
        label=_("My e-mail address"),
        max_length=LONGEST,
        help_text=_("We send a link there, to prove it is yours."),
    )
    details = FormText(
        label=_("What helps us to find it"),
        required=False,
        max_length=1000,
        widget=forms.Textarea({"rows": 4}),
        help_text=_("For example the address of a picture that shows you. No passwords, no photos."),
    )

    def clean_email(self) -> str:
        found = text.address(self.cleaned_data["email"])
        if len(found) > LONGEST:  # a domain in other letters grows
            raise forms.ValidationError(_("This address is too long."))
        return found


class AnswerForm(forms.ModelForm):  # type: ignore[type-arg]
    """The answer of staff, checked before the service records it."""

    class Meta:
        model = PrivacyRequest
        fields = ("outcome", "reply")
        field_classes = {"reply": text.FormText}  # noqa: RUF012  as Django has it

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if not found.get("outcome"):
            self.add_error("outcome", _("Choose an answer."))
        elif found["outcome"] == PrivacyRequest.Outcome.REFUSED and not str(found.get("reply", "")).strip():
            self.add_error("reply", _("Say why it is refused."))
        return found

    def _post_clean(self) -> None:
        """Leaves the row as it is: the service changes it, under a lock."""
