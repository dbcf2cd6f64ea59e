"""The API of /plans, /billing and /quote."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.emails import EmailUnconfirmed
from billing import ledger, prices
from billing.engines import offers
from billing.engines.serializers import EngineSerializer, show_engine
from billing.models import Invoice, Pack, Plan, Transfer
from billing.payments import checkout, gateway, subscriptions
from billing.serializers import (
    AddressSerializer,
    BillingSerializer,
    CheckoutForm,
    EntrySerializer,
    InvoiceSerializer,
    PackSerializer,
    PlanSerializer,
    PortalForm,
    QuoteForm,
    QuoteSerializer,
    SubscriptionSerializer,
)
from config.errors import NotFound
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import PAGE, paged, refuses
from config.web.serializers import checked


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
        sums, current = ledger.balance(wallet), subscriptions.live_subscription(wallet)
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
    @limited("checkout")
    @refuses(EmailUnconfirmed, checkout.PaymentOverdue, NotFound, gateway.PaymentsNotConfigured)
    def post(self, request: Any) -> Response:
        form = checked(CheckoutForm, request)
        form.pop("currency", None)
        return Response({"url": checkout.buy(request.user, **form)})


class PortalView(APIView):
    @extend_schema(request=PortalForm, responses=AddressSerializer)
    @limited("checkout")
    @refuses(EmailUnconfirmed, checkout.NoSubscription, NotFound, gateway.PaymentsNotConfigured)
    def post(self, request: Any) -> Response:
        return Response({"url": checkout.manage(request.user, **checked(PortalForm, request))})


class EntriesView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(EntrySerializer))
    def get(self, request: Any) -> Response:
        rows = Transfer.objects.filter(wallet=ledger.wallet_of(request.user).id)
        return Response(page(request, rows, lambda t: EntrySerializer(t).data, order=("-id",)))


class EnginesView(APIView):
    @extend_schema(responses=EngineSerializer(many=True))
    def get(self, request: Any) -> Response:
        """The engines that your plan includes."""
        return Response([show_engine(request.user, base) for base in offers.usable(request.user)])


class QuoteView(APIView):
    @extend_schema(request=QuoteForm, responses=QuoteSerializer)
    @refuses(NotFound, offers.EngineGone, offers.PlanRequired)
    def post(self, request: Any) -> Response:
        kind = checked(QuoteForm, request)["kind"]
        return Response(prices.quote(request.user, kind, request.data))
