"""Log-in with Apple: allauth's, but only what Apple itself answers counts.

allauth adds what the browser posts beside it, for the name of who comes for the first time. An address put
there by hand would pass for a confirmed one where Apple's token holds none. No name is kept here anyway.
"""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.providers.apple.provider import AppleProvider
from allauth.socialaccount.providers.apple.views import AppleOAuth2Adapter
from django.http import HttpRequest

from accounts.social.shape import Shaped, shaped


class Adapter(Shaped, AppleOAuth2Adapter):  # type: ignore[misc]
    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> Any:
        with shaped():
            return client.get_access_token(request.GET["code"], pkce_code_verifier=pkce_code_verifier)


class Provider(AppleProvider):  # type: ignore[misc]
    package = "accounts.social.apple"  # whose urls.py has the addresses
    oauth2_adapter_class = Adapter
