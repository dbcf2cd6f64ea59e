"""/webhooks."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.developers import webhooks
from accounts.developers.models import Webhook
from accounts.developers.webhook_serializers import (
    DeliverySerializer,
    NewWebhookSerializer,
    ReplayForm,
    ReplaySerializer,
    SecretSerializer,
    WebhookChangeForm,
    WebhookForm,
    WebhookSerializer,
    show_delivery,
    show_webhook,
)
from accounts.developers.webhooks import WebhookDisabled, WebhookLimit
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import PAGE, paged, refuses
from config.web.serializers import checked


def _mine(request: Any, ident: str) -> Webhook:
    found: Webhook = Webhook.objects.owned_by(request.user).get_or_404(ident)
    return found


class WebhooksView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(WebhookSerializer))
    def get(self, request: Any) -> Response:
        return Response(page(request, Webhook.objects.owned_by(request.user), show_webhook))

    @extend_schema(request=WebhookForm, responses={201: NewWebhookSerializer})
    @limited("webhooks")
    @refuses(WebhookLimit)
    def post(self, request: Any) -> Response:
        """Adds an address that is told how runs end, with signatures of Standard Webhooks."""
        hook, secret = webhooks.create_webhook(request.user, **checked(WebhookForm, request))
        return Response(show_webhook(hook) | {"secret": secret}, status=201)


class WebhookView(APIView):
    @extend_schema(responses=WebhookSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(show_webhook(_mine(request, ident)))

    @extend_schema(request=WebhookChangeForm, responses=WebhookSerializer)
    def patch(self, request: Any, ident: str) -> Response:
        hook = _mine(request, ident)
        return Response(show_webhook(webhooks.change_webhook(hook, **checked(WebhookChangeForm, request))))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        """Nothing more is sent there, and its log is deleted."""
        _mine(request, ident).delete()
        return Response(status=204)


class DeliveriesView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(DeliverySerializer))
    def get(self, request: Any, ident: str) -> Response:
        """What was sent in the last 30 days, with each try."""
        sent = _mine(request, ident).deliveries.prefetch_related("attempts")
        return Response(page(request, sent, show_delivery))


class ReplayView(APIView):
    @extend_schema(request=ReplayForm, responses={202: ReplaySerializer})
    @limited("webhooks_send")
    @refuses(WebhookDisabled)
    def post(self, request: Any, ident: str) -> Response:
        """Sends a delivery again, or all that failed, under their own ids."""
        hook = _mine(request, ident)
        return Response({"replayed": webhooks.replay(hook, **checked(ReplayForm, request))}, status=202)


class TestView(APIView):
    @extend_schema(request=None, responses={202: DeliverySerializer})
    @limited("webhooks_send")
    @refuses(WebhookDisabled)
    def post(self, request: Any, ident: str) -> Response:
        """Sends a message of the type `webhook.test`."""
        return Response(show_delivery(webhooks.send_test(_mine(request, ident))), status=202)


class RotateSecretView(APIView):
    @extend_schema(request=None, responses={201: SecretSerializer})
    @limited("webhooks")
    def post(self, request: Any, ident: str) -> Response:
        """Makes a new secret. For 24 hours the former one signs beside it."""
        hook = _mine(request, ident)
        secret = webhooks.rotate_secret(hook)
        return Response({"secret": secret, "former_secret_until": hook.former_until}, status=201)
