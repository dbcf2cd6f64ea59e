"""OpenID Connect (Core 1.0, authorization code flow) with what allauth's provider leaves out: a nonce, the
signature of the ID token, its required claims, and the issuer of the discovery document.

The nonce is made from the PKCE verifier, which the session keeps until the answer comes.
"""

from __future__ import annotations

import hashlib
from typing import Any

import jwt
from allauth.account.models import EmailAddress
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts.social.shape import shaped

ALGORITHMS = {f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)} | {"EdDSA"}
CLAIMS = ("iss", "sub", "aud", "exp", "iat")


def nonce_of(verifier: str) -> str:
    return hashlib.sha256(f"nonce {verifier}".encode()).hexdigest()


class Adapter(OpenIDConnectOAuth2Adapter):
    nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().openid_config
        ours = self.get_provider().app.settings["server_url"]
        if str(config.get("issuer", "")).rstrip("/") != ours.rstrip("/"):
            raise OAuth2Error("the discovery document is of another issuer")
        return config

    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> Any:
        self.nonce = nonce_of(pkce_code_verifier or "")
        return super().get_access_token_data(request, app, client, pkce_code_verifier=pkce_code_verifier)

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        with shaped():
            claims = self._decode_id_token(app, kwargs["response"]["id_token"])
            more = self._fetch_user_info(token.token) if "userinfo_endpoint" in self.openid_config else claims
            if more["sub"] != claims["sub"]:
                raise OAuth2Error("the user info is about somebody else")
            return self.get_provider().sociallogin_from_response(request, {"userinfo": {**claims, **more}})

    def _decode_id_token(self, app: Any, id_token: str) -> dict[str, Any]:
        """Raises OAuth2Error."""
        try:
            if jwt.get_unverified_header(id_token).get("alg") not in ALGORITHMS:
                raise OAuth2Error("signed in a way that we do not take")
        except jwt.PyJWTError as error:
            raise OAuth2Error("no ID token") from error
        claims: dict[str, Any] = jwtkit.verify_and_decode(
            credential=id_token,
            keys_url=self.openid_config["jwks_uri"],
            issuer=self.openid_config["issuer"],
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
        )
        if not all(name in claims for name in CLAIMS):
            raise OAuth2Error("a required claim is missing")
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("made for another client")
        if not constant_time_compare(str(claims.get("nonce", "")), self.nonce):
            raise OAuth2Error("made for another log-in")
        return claims


class Provider(OpenIDConnectProvider):
    package = "accounts.social"  # whose urls.py has the addresses
    oauth2_adapter_class = Adapter
    pkce_enabled_default = True

    def get_pkce_params(self) -> dict[str, str]:
        """These and the nonce go into the address at the provider, all but the verifier."""
        params: dict[str, str] = super().get_pkce_params()
        return params | {"nonce": nonce_of(params["code_verifier"])}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        """Only a clear yes counts as confirmed."""
        found: list[EmailAddress] = super().extract_email_addresses(data)
        for each in found:
            each.verified = each.verified in (True, "true")
        return found
