"""The forms that clients send about clips."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from billing import prices
from billing.engines import offers
from config.web.text import TextField
from generation import albums
from generation.clips.services import USUAL, VIDEO
from generation.serializers import PROMPT
from ml.animation import ACTION_MOST, SECONDS
from ml.motions import MOTIONS
from ml.types import ASPECTS, ERAS, STYLES
from twins.models import Twin

LENGTH = _("A clip takes 3 to 5 seconds. Choose a length from there.")
WHAT = _("Describe the clip in words, or choose a picture of your twin.")
ONE_MOTION = _("Choose a movement of the list, or describe one in words, not both.")


class VideoForm(serializers.Serializer):  # type: ignore[type-arg]
    """A short clip: of `reference`, a picture of one's twin; else of a picture that is made first."""

    kind = serializers.ChoiceField(choices=[VIDEO])
    twin = serializers.UUIDField(
        required=False, allow_null=True, help_text="left out with `reference`, which has its own"
    )
    prompt = TextField(
        max_length=PROMPT,
        required=False,
        allow_blank=True,
        help_text="of the picture that is made first; needed without `reference`",
    )
    negative_prompt = TextField(max_length=PROMPT, required=False, allow_blank=True)
    reference = serializers.UUIDField(
        required=False, allow_null=True, help_text="a picture of one's gallery that shows a trained twin"
    )
    motion = serializers.ChoiceField(
        choices=MOTIONS,
        required=False,
        allow_blank=True,
        help_text=f"what moves; `{USUAL}` without `motion` and `action`",
    )
    action = TextField(
        max_length=ACTION_MOST,
        required=False,
        allow_blank=True,
        help_text="the movement in words, instead of `motion`; an engine without `motion_words` takes"
        " words that name some of its `motions` and nothing else, as in “she smiles and nods”",
    )
    duration = serializers.IntegerField(
        min_value=SECONDS[0],
        max_value=SECONDS[-1],
        default=SECONDS[0],
        error_messages={"min_value": LENGTH, "max_value": LENGTH, "invalid": LENGTH},
        help_text="seconds; the price is by the second",
    )
    style = serializers.ChoiceField(choices=STYLES, required=False)
    era = serializers.ChoiceField(choices=ERAS, required=False, allow_null=True)
    aspect_ratio = serializers.ChoiceField(choices=ASPECTS, required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    engine = serializers.ChoiceField(
        choices=[], required=False, allow_blank=True, help_text="one of /engines with `video`"
    )
    album = serializers.UUIDField(
        required=False, allow_null=True, help_text="an album of one's own, which gets the clip"
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        names = [base.name for base in offers.configured()]
        self.fields["engine"].choices = names  # type: ignore[attr-defined]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("motion") and attrs.get("action"):
            raise serializers.ValidationError({"action": [ONE_MOTION]})
        if not self.partial and not attrs.get("reference") and not attrs.get("prompt"):
            raise serializers.ValidationError({"prompt": [WHAT]})
        return attrs


def quoted(_user: Any, fields: dict[str, Any]) -> dict[str, int]:
    """The price of a clip. Raises ValidationError."""
    form = VideoForm(data={"prompt": "-", **fields, "kind": VIDEO})
    form.is_valid(raise_exception=True)
    return {"credits": prices.video(form.validated_data["duration"])}


def own(user: Any, form: dict[str, Any]) -> dict[str, Any]:
    """The fields of a form with the user's own twin and album in place of their ids. Raises NotFound."""
    fields = {name: value for name, value in form.items() if name != "kind"}
    if twin := fields.get("twin"):
        fields["twin"] = Twin.objects.owned_by(user).get_or_404(twin)
    if album := fields.get("album"):
        fields["album"] = albums.own(user, album)
    return fields
