"""/plans, /billing, /quote."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import ledger, prices
from billing.models import Plan, Transfer
from config.pages import page
from config.schema import PAGE, paged


class PlanShape(serializers.ModelSerializer):  # type: ignore[type-arg]
    class Meta:
        model = Plan
        fields = ("code", "name", "price_cents", "credits", "monthly", "unlimited", "twins")


class Expiry(serializers.Serializer):  # type: ignore[type-arg]
    at = serializers.DateTimeField()
    credits = serializers.IntegerField()


class CreditsShape(serializers.Serializer):  # type: ignore[type-arg]
    available = serializers.IntegerField()
    held = serializers.IntegerField()
    expires = Expiry(many=True)


class BillingShape(serializers.Serializer):  # type: ignore[type-arg]
    plan = PlanShape()
    credits = CreditsShape()


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
        return Response(PlanShape(Plan.objects.all(), many=True).data)


class BillingView(APIView):
    @extend_schema(responses=BillingShape)
    def get(self, request: Any) -> Response:
        wallet = ledger.wallet_of(request.user)
        sums = ledger.balance(wallet)
        expires = [{"at": at, "credits": n} for at, n in sums.expires]
        return Response(
            {
                "plan": PlanShape(wallet.plan).data,
                "credits": {"available": sums.available, "held": sums.held, "expires": expires},
            }
        )


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
