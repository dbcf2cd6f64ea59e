"""/plans, /billing, /quote."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import ledger, prices
from billing.models import Invoice, Pack, Plan, Subscription, Transfer
from billing.payments import checkout, gateway, sync
from billing.serializers import CheckoutForm
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import PAGE, paged
from config.web.serializers import checked


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


class Expiry(serializers.Serializer):  # type: ignore[type-arg]
    at = serializers.DateTimeField()
    credits = serializers.IntegerField()


class CreditsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    available = serializers.IntegerField()
    held = serializers.IntegerField()
    owed = serializers.IntegerField()
    expires = Expiry(many=True)


class SubscriptionSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    """What is paid for: `period_end` is the next payment, unless `ends_at` says that there is none."""

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
    credits = CreditsSerializer()
    subscription = SubscriptionSerializer(allow_null=True)
    configured = serializers.BooleanField()  # whether anything can be bought here


class AddressSerializer(serializers.Serializer):  # type: ignore[type-arg]
    url = serializers.URLField()


class PortalForm(serializers.Serializer):  # type: ignore[type-arg]
    what = serializers.ChoiceField(choices=("payment", "cancel"), required=False)


class EntrySerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.IntegerField()
    kind = serializers.CharField()
    amount = serializers.IntegerField()
    cause = serializers.CharField()
    created_at = serializers.DateTimeField()


class PlansView(APIView):
    permission_classes = ()

    @extend_schema(responses=PlanSerializer(many=True))
    def get(self, request: Any) -> Response:
        return Response(PlanSerializer(Plan.objects.filter(on_sale=True), many=True).data)


class PacksView(APIView):
    permission_classes = ()

    @extend_schema(responses=PackSerializer(many=True))
    def get(self, request: Any) -> Response:
        return Response(PackSerializer(Pack.objects.filter(on_sale=True), many=True).data)


class BillingView(APIView):
    @extend_schema(responses=BillingSerializer)
    def get(self, request: Any) -> Response:
        wallet = ledger.wallet_of(request.user)
        sums, current = ledger.balance(wallet), sync.live_subscription(wallet)
        expires = [{"at": at, "credits": n} for at, n in sums.expires]
        return Response(
            {
                "plan": PlanSerializer(wallet.plan).data,
                "credits": {
                    "available": sums.available,
                    "held": sums.held,
                    "owed": sums.owed,
                    "expires": expires,
                },
                "subscription": SubscriptionSerializer(current).data if current else None,
                "configured": gateway.configured(),
            }
        )


class InvoicesView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(InvoiceSerializer))
    def get(self, request: Any) -> Response:
        rows = Invoice.objects.filter(wallet=ledger.wallet_of(request.user).id)
        return Response(page(request, rows, lambda row: InvoiceSerializer(row).data))


class CheckoutView(APIView):
    @extend_schema(request=CheckoutForm, responses=AddressSerializer)
    @limited("30/h", "checkout")
    def post(self, request: Any) -> Response:
        form = checked(CheckoutForm, request)
        form.pop("currency", None)
        return Response({"url": checkout.buy(request.user, **form)})


class PortalView(APIView):
    @extend_schema(request=PortalForm, responses=AddressSerializer)
    @limited("30/h", "checkout")
    def post(self, request: Any) -> Response:
        return Response({"url": checkout.manage(request.user, **checked(PortalForm, request))})


class EntriesView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(EntrySerializer))
    def get(self, request: Any) -> Response:
        rows = Transfer.objects.filter(wallet=ledger.wallet_of(request.user).id)
        return Response(page(request, rows, lambda t: EntrySerializer(t).data, order=("-id",)))


class QuoteForm(serializers.Serializer):  # type: ignore[type-arg]
    """The body of any paid POST, with its kind."""

    kind = serializers.CharField(max_length=20)


class QuoteSerializer(serializers.Serializer):  # type: ignore[type-arg]
    credits = serializers.IntegerField()


class QuoteView(APIView):
    @extend_schema(request=QuoteForm, responses=QuoteSerializer)
    def post(self, request: Any) -> Response:
        form = QuoteForm(data=request.data)
        form.is_valid(raise_exception=True)
        return Response({"credits": prices.quote(request.user, form.validated_data["kind"], request.data)})
