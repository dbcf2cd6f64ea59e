"""Reads from the environment where people may log in with another account: Google, Apple, GitHub, and any
issuer of OpenID Connect. What is not set is not offered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from config.start import env

GOOGLE = "https://accounts.google.com"
LOCAL = ("127.0.0.1", "localhost")


@dataclass
class Logins:
    """`apps`: further entries of INSTALLED_APPS; `providers`: SOCIALACCOUNT_PROVIDERS; `pages`: origins that
    the log-in's form leads to, for the pages' policy."""

    apps: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    providers: dict[str, dict[str, Any]] = field(default_factory=dict)


def configured() -> Logins:
    found = Logins()
    issuers = env.pairs("OIDC_ISSUERS", "=")
    apps = [_issuer(name, url) for name, url in issuers.items()]
    if env.given("GOOGLE_CLIENT_ID"):
        apps.insert(0, _app("google", "Google", GOOGLE, "GOOGLE"))
    found.providers["openid_connect"] = {"provider_class": "accounts.social.oidc.Provider", "APPS": apps}
    for app in apps:
        found.pages += [_origin(app["settings"]["server_url"]), *app["settings"]["pages"]]
    if env.given("APPLE_CLIENT_ID"):
        _add(found, "apple", _apple(), "https://appleid.apple.com")
    if env.given("GITHUB_CLIENT_ID"):
        _add(found, "github", _keys("GITHUB"), "https://github.com")
        found.providers["github"] |= {"SCOPE": ["read:user", "user:email"], "OAUTH_PKCE_ENABLED": True}
    return found


def _add(found: Logins, name: str, app: dict[str, Any], page: str) -> None:
    found.apps.append(f"allauth.socialaccount.providers.{name}")
    found.pages.append(page)
    found.providers[name] = {"provider_class": f"accounts.social.{name}.Provider", "APPS": [app]}


def _needed(name: str) -> str:
    value = env.text(name)
    if not value:
        raise env.Misconfigured(f"{name} is missing: a log-in with another account needs it.")
    return value


def _keys(prefix: str) -> dict[str, Any]:
    return {"client_id": _needed(f"{prefix}_CLIENT_ID"), "secret": _needed(f"{prefix}_CLIENT_SECRET")}


def _apple() -> dict[str, Any]:
    return {
        "client_id": _needed("APPLE_CLIENT_ID"),
        "secret": _needed("APPLE_KEY_ID"),
        "key": _needed("APPLE_TEAM_ID"),
        "settings": {"certificate_key": _needed("APPLE_PRIVATE_KEY")},
    }


def _app(ident: str, name: str, issuer: str, prefix: str) -> dict[str, Any]:
    pages = env.words(f"{prefix}_PAGES")
    more = {"server_url": issuer, "pages": pages}
    return {"provider_id": ident, "name": name, **_keys(prefix), "settings": more}


def _issuer(ident: str, url: str) -> dict[str, Any]:
    parts, prefix = urlsplit(url), f"OIDC_{ident.upper()}"
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)
    if not (secure and parts.hostname) or not (
        ident.isascii() and ident.isalnum() and ident == ident.lower()
    ):
        raise env.Misconfigured(
            "OIDC_ISSUERS is a list like acme=https://id.acme.example: names of small letters and digits, "
            "and the issuers' addresses."
        )
    return _app(ident, env.text(f"{prefix}_NAME", ident), url.rstrip("/"), prefix)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
