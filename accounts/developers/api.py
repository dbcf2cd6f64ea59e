"""/api-keys."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.confirm import ReauthenticationRequired, require_proof
from accounts.developers import services
from accounts.developers.models import ApiKey
from accounts.developers.serializers import ApiKeyForm, ApiKeySerializer, NewApiKeySerializer, show_key
from accounts.serializers import ProofForm
from accounts.standing.services import Suspended
from config.errors import Invalid
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import PAGE, paged, refuses
from config.web.serializers import checked


class ApiKeysView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(ApiKeySerializer))
    def get(self, request: Any) -> Response:
        """One's own keys, without their secrets."""
        return Response(page(request, ApiKey.objects.owned_by(request.user).live(), show_key))

    @extend_schema(request=ApiKeyForm, responses={201: NewApiKeySerializer})
    @limited("api_keys")
    @refuses(ReauthenticationRequired, Suspended, services.KeyLimit)
    def post(self, request: Any) -> Response:
        """Makes a key. The body proves who asks: `password`, or a `code` of the second factor."""
        form = checked(ApiKeyForm, request)
        name, scopes = form.pop("name"), form.pop("scopes")
        require_proof(request, **form)
        return _new(*services.create_key(request.user, name=name, scopes=scopes))


class ApiKeyView(APIView):
    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        """Ends the key at once."""
        services.end_key(ApiKey.objects.owned_by(request.user).get_or_404(ident))
        return Response(status=204)


class RotateView(APIView):
    @extend_schema(request=ProofForm, responses={201: NewApiKeySerializer})
    @limited("api_keys")
    @refuses(ReauthenticationRequired, Suspended, services.KeyReplaced, Invalid)
    def post(self, request: Any, ident: str) -> Response:
        """Makes a new key of the same name and scopes. The old one is good for another 24 hours, or until it
        is ended."""
        key = ApiKey.objects.owned_by(request.user).get_or_404(ident)
        require_proof(request, **checked(ProofForm, request))
        return _new(*services.rotate_key(key))


def _new(row: ApiKey, key: str) -> Response:
    return Response(show_key(row) | {"key": key}, status=201)
