"""Log-in with GitHub: allauth's, over OAuth 2.0, as GitHub has no OpenID Connect for people."""

from __future__ import annotations

from allauth.socialaccount.providers.github.provider import GitHubProvider
from allauth.socialaccount.providers.github.views import GitHubOAuth2Adapter

from accounts.social.shape import Shaped


class Adapter(Shaped, GitHubOAuth2Adapter):  # type: ignore[misc]
    pass


class Provider(GitHubProvider):  # type: ignore[misc]
    package = "accounts.social.github"  # whose urls.py has the addresses
    oauth2_adapter_class = Adapter
