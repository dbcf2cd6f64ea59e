"""/plans, /billing, /quote."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import ledger, prices
from billing.models import Invoice, Pack, Plan, Subscription, Transfer
from billing.payments import checkout, gateway, subscriptions
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import PAGE, paged
from config.web.serializers import checked


class PlanShape(serializers.ModelSerializer):  # type: ignore[type-arg]
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


class PackShape(serializers.ModelSerializer):  # type: ignore[type-arg]
    class Meta:
        model = Pack
        fields = ("code", "credits", "price_cents")


class Expiry(serializers.Serializer):  # type: ignore[type-arg]
    at = serializers.DateTimeField()
    credits = serializers.IntegerField()


class CreditsShape(serializers.Serializer):  # type: ignore[type-arg]
    available = serializers.IntegerField()
    held = serializers.IntegerField()
    owed = serializers.IntegerField()
    expires = Expiry(many=True)


class SubscriptionShape(serializers.ModelSerializer):  # type: ignore[type-arg]
    """What is paid for: `period_end` is the next payment, unless `ends_at` says that there is none."""

    class Meta:
        model = Subscription
        fields = ("plan", "next_plan", "interval", "status", "period_end", "ends_at", "grace_ends")

    grace_ends = serializers.DateTimeField(allow_null=True)


class InvoiceShape(serializers.ModelSerializer):  # type: ignore[type-arg]
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


class BillingShape(serializers.Serializer):  # type: ignore[type-arg]
    plan = PlanShape()
    credits = CreditsShape()
    subscription = SubscriptionShape(allow_null=True)
    configured = serializers.BooleanField()  # whether anything can be bought here


class AddressShape(serializers.Serializer):  # type: ignore[type-arg]
    url = serializers.URLField()


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


class PortalForm(serializers.Serializer):  # type: ignore[type-arg]
    what = serializers.ChoiceField(choices=("payment", "cancel"), required=False)


class EntryShape(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.IntegerField()
    kind = serializers.CharField()
    amount = serializers.IntegerField()
    cause = serializers.CharField()
    created_at = serializers.DateTimeField()


class PlansView(APIView):
    permission_classes = ()

    @extend_schema(responses=PlanShape(many=True))
    def get(self, request: Any) -> Response:
        return Response(PlanShape(Plan.objects.filter(on_sale=True), many=True).data)


class PacksView(APIView):
    permission_classes = ()

    @extend_schema(responses=PackShape(many=True))
    def get(self, request: Any) -> Response:
        return Response(PackShape(Pack.objects.filter(on_sale=True), many=True).data)


class BillingView(APIView):
    @extend_schema(responses=BillingShape)
    def get(self, request: Any) -> Response:
        wallet = ledger.wallet_of(request.user)
        sums, current = ledger.balance(wallet), subscriptions.live_subscription(wallet)
        expires = [{"at": at, "credits": n} for at, n in sums.expires]
        return Response(
            {
                "plan": PlanShape(wallet.plan).data,
                "credits": {
                    "available": sums.available,
                    "held": sums.held,
                    "owed": sums.owed,
                    "expires": expires,
                },
                "subscription": SubscriptionShape(current).data if current else None,
                "configured": gateway.configured(),
            }
        )


class InvoicesView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(InvoiceShape))
    def get(self, request: Any) -> Response:
        rows = Invoice.objects.filter(wallet=ledger.wallet_of(request.user).id)
        return Response(page(request, rows, lambda row: InvoiceShape(row).data))


class CheckoutView(APIView):
    @extend_schema(request=CheckoutForm, responses=AddressShape)
    @limited("30/h", "checkout")
    def post(self, request: Any) -> Response:
        form = checked(CheckoutForm, request)
        form.pop("currency", None)
        return Response({"url": checkout.buy(request.user, **form)})


class PortalView(APIView):
    @extend_schema(request=PortalForm, responses=AddressShape)
    @limited("30/h", "checkout")
    def post(self, request: Any) -> Response:
        return Response({"url": checkout.manage(request.user, **checked(PortalForm, request))})


class EntriesView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(EntryShape))
    def get(self, request: Any) -> Response:
        rows = Transfer.objects.filter(wallet=ledger.wallet_of(request.user).id)
        return Response(page(request, rows, lambda t: EntryShape(t).data, order=("-id",)))


class QuoteForm(serializers.Serializer):  # type: ignore[type-arg]
    """The body of any paid POST, with its kind."""

    kind = serializers.CharField(max_length=20)


class QuoteShape(serializers.Serializer):  # type: ignore[type-arg]
    credits = serializers.IntegerField()


class QuoteView(APIView):
    @extend_schema(request=QuoteForm, responses=QuoteShape)
    def post(self, request: Any) -> Response:
        form = QuoteForm(data=request.data)
        form.is_valid(raise_exception=True)
        return Response({"credits": prices.quote(request.user, form.validated_data["kind"], request.data)})
