"""An issuer of OpenID Connect, served by this process, and what a person does there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from tests.local_server import LocalServer

CLIENT, CALLBACK = "photoflux", "/accounts/oidc/acme/login/callback/"


def providers(address: str) -> dict[str, Any]:
    """Django's setting of them, with one."""
    app = {"provider_id": "acme", "name": "Acme", "client_id": CLIENT, "secret": "s"}
    apps = [{**app, "settings": {"server_url": address}}]
    return {"openid_connect": {"provider_class": "accounts.social.oidc.Provider", "APPS": apps}}


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer(LocalServer):
    """`claims` replace those of the ID token, None taking one away; `sign` are options of its signature."""

    def __init__(self) -> None:
        super().__init__(Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.claims: dict[str, Any] = {}
        self.sign: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        self.info: dict[str, Any] = {}
        self.asked: dict[str, str] = {}  # what the address at the issuer said
        self.posted: dict[str, str] = {}  # what the code was exchanged with
        self.down = False
        self.answers: dict[str, Callable[[], dict[str, Any]]] = {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks": self._keys,
            "/token": self._token,
            "/userinfo": lambda: self._person() | self.info,
        }

    def _discovery(self) -> dict[str, Any]:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        names["userinfo_endpoint"] = "userinfo"
        places = {name: f"{self.address}/{path}" for name, path in names.items()}
        return {"issuer": self.address} | places | self.config

    def _keys(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(key().public_key(), as_dict=True)
        return {"keys": [public | {"kid": "k1", "alg": "RS256", "use": "sig"}]}

    def _person(self) -> dict[str, Any]:
        return {"sub": "u1", "email": "ana@example.com", "email_verified": True, "name": "Ana"}

    def _token(self) -> dict[str, Any]:
        now = int(time.time())
        claims = self._person() | {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 60}
        claims |= {"nonce": self.asked["nonce"]} | self.claims
        said = {name: value for name, value in claims.items() if value is not None}
        how: dict[str, Any] = {"key": key(), "algorithm": "RS256", "headers": {"kid": "k1"}} | self.sign
        return {"access_token": "a", "token_type": "Bearer", "id_token": jwt.encode(said, **how)}


class Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_POST(self) -> None:
        self.server.posted = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        self.do_GET()

    def do_GET(self) -> None:
        if self.server.down:
            return  # the connection ends without an answer
        data = json.dumps(self.server.answers[urlsplit(self.path).path]()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


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
