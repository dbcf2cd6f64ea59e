"""Addresses that a token opens, without an account. The owner's pages are in twins/urls.py."""

from django.urls import path

from twins.proof import views

urlpatterns = [
    path("selfie/<str:token>/", views.on_phone, name="selfie_phone"),
    path("selfie/<str:token>/ask/", views.ask_on_phone, name="selfie_phone_ask"),
    path("selfie/<str:token>/state/", views.phone_state, name="selfie_phone_state"),
    path("invited/<str:token>/", views.invited, name="invited"),
    path("invited/<str:token>/agree/", views.agree, name="invited_agree"),
    path("invited/<str:token>/ask/", views.ask_invited, name="invited_ask"),
    path("invited/<str:token>/state/", views.invited_state, name="invited_state"),
    path("withdraw/<str:token>/", views.withdraw, name="withdraw_invitation"),
]
