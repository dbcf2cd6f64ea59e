"""What the pages and the API both take about money."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework import serializers

from billing.models import Subscription


class CheckoutForm(serializers.Serializer):  # type: ignore[type-arg]
    """A plan with its interval, or a pack. The amount is ours to say, so none is taken."""

    plan = serializers.SlugField(required=False)
    interval = serializers.ChoiceField(choices=Subscription.Interval.choices, required=False)
    pack = serializers.SlugField(required=False)
    currency = serializers.CharField(required=False)

    def validate_currency(self, value: str) -> str:
        if value.lower() != settings.CURRENCY:
            raise serializers.ValidationError(
                _("Only %(currency)s is taken here.") % {"currency": settings.CURRENCY}
            )
        return value
