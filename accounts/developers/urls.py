from django.urls import path

from accounts.developers import views, webhook_views

urlpatterns = [
    path("", views.keys, name="developers"),
    path("keys/<uuid:ident>/rotate/", views.rotate, name="rotate_key"),
    path("keys/<uuid:ident>/end/", views.end, name="end_key"),
    path("webhooks/", webhook_views.listing, name="webhooks"),
    path("webhooks/<uuid:ident>/", webhook_views.detail, name="webhook"),
    path("webhooks/<uuid:ident>/test/", webhook_views.test, name="test_webhook"),
    path("webhooks/<uuid:ident>/replay/", webhook_views.replay, name="replay_webhook"),
    path("webhooks/<uuid:ident>/rotate/", webhook_views.rotate, name="rotate_webhook"),
    path("webhooks/<uuid:ident>/change/", webhook_views.change, name="change_webhook"),
]
