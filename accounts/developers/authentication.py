"""Authenticates programs at the API: `Authorization: Api-Key pf_...`."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from accounts.developers import services
from accounts.developers.models import ApiKey
from accounts.developers.scopes import TABLE
from accounts.standing import services as standing
from config.errors import ScopeMissing
from config.web.ratelimit import count_call

KEYWORD, ROOT = "api-key", "api/v1/"


class NotForKeys(ScopeMissing):
    message = _("API keys are not let in here. Log in instead.")


class ApiKeyAuthentication(BaseAuthentication):
    """A key is let in where it has the scope that scopes.TABLE names."""

    def authenticate(self, request: Any) -> tuple[Any, ApiKey] | None:
        keyword, _space, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if keyword.lower() != KEYWORD:
            return None
        key = services.find_key(text.strip())
        if key is None:
            raise AuthenticationFailed
        count_call(request, group="api-key", key=f"key:{key.id}", rate=settings.LIMITS["api-key"].key)
        _require_scope(request, key)
        standing.require(key.user_id)
        services.mark_used(key)
        return key.user, key


def _require_scope(request: Any, key: ApiKey) -> None:
    """Raises ScopeMissing; also for an address that the table does not have."""
    match = request.resolver_match
    route = match.route.removeprefix(ROOT) if match else ""
    method = "GET" if request.method == "HEAD" else request.method
    scope = TABLE.get(route, {}).get(method)
    if scope is None:
        raise NotForKeys(extra={"scope": None})
    if scope not in key.scopes:
        raise ScopeMissing(scope=scope, extra={"scope": scope})


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """Tells for each operation the scope that a key needs. Operations without one are not for keys."""

    target_class = "accounts.developers.authentication.ApiKeyAuthentication"
    name = "apiKeyAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        about = (
            "`Api-Key pf_...`, made on the page /account/developers/. The scopes are `read`, `generate`,"
            " `train` and `billing.read`; each operation names the one that it needs."
        )
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": about}

    def get_security_requirement(self, auto_schema: Any) -> Any:
        scope = BY_PATH.get(auto_schema.path, {}).get(auto_schema.method)
        return {self.name: [str(scope)]} if scope else None


# The table by the paths of the description: twins/<uuid:ident> is /api/v1/twins/{ident}.
PARAMETER = re.compile(r"<[a-z]+:([a-z]+)>")
BY_PATH = {f"/{ROOT}" + PARAMETER.sub(r"{\1}", route): row for route, row in TABLE.items()}
