"""The addresses of the log-in by OpenID Connect, under /accounts/. allauth finds this module by the
provider's `package`."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.decorators import login_not_required
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from requests import RequestException

from accounts.social import refusals
from accounts.social.oidc import Adapter
from accounts.social.shape import MISSHAPEN


def _view(kind: Any) -> Any:
    @login_not_required
    def view(request: HttpRequest, provider_id: str) -> HttpResponse:
        adapter = Adapter(request, provider_id)
        try:
            answer: HttpResponse = kind.adapter_view(adapter)(request)
        except SocialApp.DoesNotExist:
            raise Http404 from None
        except (RequestException, OAuth2Error, *MISSHAPEN) as error:  # of the discovery document
            raise refusals.refuse(request, refusals.ProviderDown, adapter.get_provider()) from error
        return answer

    return view


urlpatterns = [
    path("oidc/<slug:provider_id>/login/", _view(OAuth2LoginView), name="openid_connect_login"),
    path(
        "oidc/<slug:provider_id>/login/callback/", _view(OAuth2CallbackView), name="openid_connect_callback"
    ),
]
