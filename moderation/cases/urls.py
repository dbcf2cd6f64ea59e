"""Pages of cases: a takedown without an account, and a decision with an appeal."""

from django.urls import path

from moderation.cases import views

urlpatterns = [
    path("takedown/", views.takedown, name="takedown"),
    path("takedown/<slug:number>/", views.status, name="takedown_status"),
    path("report/<slug:kind>/<slug:ident>/", views.report, name="report"),
    path("decisions/<uuid:ident>/", views.decision, name="decision"),
]
