"""What the API accepts and returns about plans, credits and payments; pages use the same forms."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework import serializers

from billing.models import Invoice, Pack, Plan, Subscription
from config.web.text import TextField


class PlanSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    class Meta:
        model = Plan
        fields = (
            "code",
            "name",
            "price_cents",
            "price_year_cents",
            "credits",
            "monthly",
            "lasts_months",
            "unlimited",
            "twins",
            "jobs",
            "longest",
            "retention_days",
        )


class PackSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    class Meta:
        model = Pack
        fields = ("code", "credits", "price_cents")


class ExpirySerializer(serializers.Serializer):  # type: ignore[type-arg]
    at = serializers.DateTimeField()
    credits = serializers.IntegerField()


class BalanceSerializer(serializers.Serializer):  # type: ignore[type-arg]
    available = serializers.IntegerField()
    held = serializers.IntegerField()
    owed = serializers.IntegerField()
    expires = ExpirySerializer(many=True)


class SubscriptionSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    """`period_end` is when the next payment is due, unless `ends_at` is set."""

    class Meta:
        model = Subscription
        fields = ("plan", "next_plan", "interval", "status", "period_end", "ends_at", "grace_ends")

    grace_ends = serializers.DateTimeField(allow_null=True)


class InvoiceSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    class Meta:
        model = Invoice
        fields = (
            "id",
            "number",
            "status",
            "currency",
            "total",
            "tax",
            "refunded",
            "credits",
            "created_at",
            "paid_at",
        )


class BillingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    plan = PlanSerializer()
    credits = BalanceSerializer()
    subscription = SubscriptionSerializer(allow_null=True)
    configured = serializers.BooleanField()  # whether anything can be bought here


class AddressSerializer(serializers.Serializer):  # type: ignore[type-arg]
    url = serializers.URLField()


class CheckoutForm(serializers.Serializer):  # type: ignore[type-arg]
    """A plan with its interval, or a pack. The client sends no amount: we set the prices."""

    plan = serializers.SlugField(required=False)
    interval = serializers.ChoiceField(choices=Subscription.Interval.choices, required=False)
    pack = serializers.SlugField(required=False)
    currency = TextField(required=False)

    def validate_currency(self, value: str) -> str:
        if value.lower() != settings.CURRENCY:
            raise serializers.ValidationError(
                _("Only %(currency)s is taken here.") % {"currency": settings.CURRENCY}
            )
        return value


class PortalForm(serializers.Serializer):  # type: ignore[type-arg]
    what = serializers.ChoiceField(choices=("payment", "cancel"), required=False)


class EntrySerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.IntegerField()
    kind = serializers.CharField()
    amount = serializers.IntegerField()
    cause = serializers.CharField()
    created_at = serializers.DateTimeField()


class QuoteForm(serializers.Serializer):  # type: ignore[type-arg]
    """The body of any paid POST together with its kind."""

    kind = TextField(max_length=20)


class QuoteSerializer(serializers.Serializer):  # type: ignore[type-arg]
    credits = serializers.IntegerField()
    prompt_read_until = serializers.IntegerField(
        required=False,
        help_text="only when the base does not read the whole prompt: how many characters it reads",
    )
    negative_prompt_read_until = serializers.IntegerField(
        required=False, help_text="the same for the negative prompt; 0 for a base that reads none"
    )
