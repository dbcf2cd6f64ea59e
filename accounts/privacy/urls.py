from django.urls import path

from accounts.privacy import views

urlpatterns = [
    path("privacy/", views.privacy, name="privacy"),
    path("privacy/request/", views.ask, name="privacy_request"),
    path("privacy/request/<str:token>/", views.confirm, name="privacy_confirm"),
    path("retention/", views.retained, name="retention"),
    path("imprint/", views.imprint, name="imprint"),
    path("ai/", views.ai, name="ai"),
    path(".well-known/gpc.json", views.gpc, name="gpc"),
]
