from django.urls import path

from billing import views

urlpatterns = [
    path("", views.overview, name="billing"),
    path("buy/", views.buy, name="buy"),
    path("manage/", views.manage, name="manage"),
    path("invoices/<slug:ident>/", views.invoice, name="invoice"),
]
