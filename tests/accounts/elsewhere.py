"""An issuer of OpenID Connect in this process: a transport of `requests`, and what a person does there."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

ISSUER = "https://id.example"
CLIENT, CALLBACK = "photoflux", "/accounts/oidc/acme/login/callback/"
PROVIDERS = {
    "openid_connect": {
        "provider_class": "accounts.social.oidc.Provider",
        "APPS": [
            {
                **{"provider_id": "acme", "name": "Acme", "client_id": CLIENT, "secret": "s"},
                "settings": {"server_url": ISSUER},
            }
        ],
    }
}


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer(requests.adapters.BaseAdapter):
    """`claims` replace those of the ID token, None taking one away; `sign` are options of its signature."""

    def __init__(self, **claims: Any) -> None:
        super().__init__()
        self.claims, self.sign, self.config, self.info = claims, {}, {}, {}
        self.asked: dict[str, str] = {}  # what the address at the issuer said
        self.posted: dict[str, str] = {}  # what the code was exchanged with
        self.down = False

    def session(self) -> requests.Session:
        made = requests.Session()
        made.mount(ISSUER, self)
        return made

    def close(self) -> None:
        """Nothing is open."""

    def send(self, request: Any, **options: Any) -> Any:
        if self.down:
            raise requests.ConnectionError("refused")
        answers = {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks": self._keys,
            "/token": self._token,
            "/userinfo": lambda: self._person() | self.info,
        }
        if request.body:
            self.posted = dict(parse_qsl(request.body))
        made = requests.Response()
        made.status_code, made.url = 200, request.url
        made.headers["Content-Type"] = "application/json"
        made._content = json.dumps(answers[urlsplit(request.url).path]()).encode()
        return made

    def _discovery(self) -> dict[str, Any]:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        names["userinfo_endpoint"] = "userinfo"
        return {"issuer": ISSUER} | {n: f"{ISSUER}/{path}" for n, path in names.items()} | self.config

    def _keys(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(key().public_key(), as_dict=True)
        return {"keys": [public | {"kid": "k1", "alg": "RS256", "use": "sig"}]}

    def _person(self) -> dict[str, Any]:
        return {"sub": "u1", "email": "ana@example.com", "email_verified": True, "name": "Ana"}

    def _token(self) -> dict[str, Any]:
        now = int(time.time())
        claims = self._person() | {"iss": ISSUER, "aud": CLIENT, "iat": now, "exp": now + 60}
        claims |= {"nonce": self.asked["nonce"]} | self.claims
        said = {name: value for name, value in claims.items() if value is not None}
        how: dict[str, Any] = {"key": key(), "algorithm": "RS256", "headers": {"kid": "k1"}} | self.sign
        return {"access_token": "a", "token_type": "Bearer", "id_token": jwt.encode(said, **how)}


def begin(client: Client, issuer: Issuer, **form: str) -> Any:
    """Presses the button, and keeps what the address at the issuer says."""
    answer = client.post("/accounts/oidc/acme/login/", form)
    issuer.asked = dict(parse_qsl(urlsplit(answer.headers.get("Location", "")).query))
    return answer


def come_back(client: Client, issuer: Issuer, **more: str) -> Any:
    return client.get(CALLBACK, {"code": "c", "state": issuer.asked.get("state", "")} | more)


def log_in(client: Client, issuer: Issuer, **form: str) -> Any:
    begin(client, issuer, **form)
    return come_back(client, issuer)
