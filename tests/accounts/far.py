"""Google, Apple and GitHub as their documents describe them: what they answer, and what they were asked."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.urls import include, path

from accounts.social.adapter import SocialAdapter
from config import urls

# Those of config.urls, and those that a site has where both are configured.
handler400, handler403, handler404 = urls.handler400, urls.handler403, urls.handler404
urlpatterns = [
    path("accounts/", include("accounts.social.apple.urls")),
    path("accounts/", include("accounts.social.github.urls")),
    *urls.urlpatterns,
]
GOOGLE_PLACES = {
    "issuer": "https://accounts.google.com",
    "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
    "token_endpoint": "https://oauth2.googleapis.com/token",
    "userinfo_endpoint": "https://openidconnect.googleapis.com/v1/userinfo",
    "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
    "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
}
APPLE_TOKEN = {"access_token": "a", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "r"}


@cache
def signing_key() -> rsa.RSAPrivateKey:
    """Google's and Apple's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def our_key() -> ec.EllipticCurvePrivateKey:
    """The one that Apple gives to who registers a log-in there."""
    return ec.generate_private_key(ec.SECP256R1())


def our_file() -> str:
    """What is in Apple's .p8 file."""
    form = serialization.PrivateFormat.PKCS8
    return our_key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def signed(**claims: Any) -> str:
    now = int(time.time())
    return jwt.encode({"iat": now, "exp": now + 600, **claims}, signing_key(), "RS256", headers={"kid": "k1"})


def keys() -> dict[str, Any]:
    public = jwt.algorithms.RSAAlgorithm.to_jwk(signing_key().public_key(), as_dict=True)
    return {"keys": [public | {"kid": "k1", "alg": "RS256", "use": "sig"}]}


class Far(requests.adapters.BaseAdapter):
    """`answers` by address: what becomes JSON, or a text that is an encoded form. A number is a status."""

    answers: dict[str, Any] = {}
    asked: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.asked.append(request)
        found = self.answers[str(request.url)]
        answer, is_form = requests.Response(), isinstance(found, str)
        answer.status_code, answer.request, answer.url = 200, request, str(request.url)
        if isinstance(found, tuple):
            answer.status_code, found = found
        kind = "x-www-form-urlencoded" if is_form else "json"
        answer.headers["content-type"] = f"application/{kind}"
        answer._content = (found if is_form else json.dumps(found)).encode()
        return answer

    def close(self) -> None:
        pass

    def posted(self, url: str) -> tuple[dict[str, str], requests.PreparedRequest]:
        """The form that was posted there, and the request."""
        found = next(each for each in self.asked if (each.method, each.url) == ("POST", url))
        return dict(parse_qsl(str(found.body))), found


class Adapter(SocialAdapter):
    def get_requests_session(self) -> requests.Session:
        session = super().get_requests_session()
        session.mount("https://", Far())
        return session


def address(answer: Any) -> tuple[str, dict[str, str]]:
    """Where a browser is sent, and with what."""
    parts = urlsplit(answer["Location"])
    return f"{parts.scheme}://{parts.netloc}{parts.path}", dict(parse_qsl(parts.query))
