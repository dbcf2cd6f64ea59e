from __future__ import annotations

from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.urls import path

from accounts.social.github import Adapter

urlpatterns = [
    path("github/login/", OAuth2LoginView.adapter_view(Adapter), name="github_login"),
    path("github/login/callback/", OAuth2CallbackView.adapter_view(Adapter), name="github_callback"),
]
