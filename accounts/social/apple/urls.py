from __future__ import annotations

from allauth.socialaccount.providers.apple.views import apple_post_callback
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.urls import path

from accounts.social.apple import Adapter

# Apple's answer is a form posted from its site, so it comes without the cookie of our session. It is kept
# under a cookie of its own, and the browser is sent on to the third address, with both.
urlpatterns = [
    path("apple/login/", OAuth2LoginView.adapter_view(Adapter), name="apple_login"),
    path("apple/login/callback/", apple_post_callback, name="apple_callback"),
    path(
        "apple/login/callback/finish/", OAuth2CallbackView.adapter_view(Adapter), name="apple_finish_callback"
    ),
]
