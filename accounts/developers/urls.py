from django.urls import path

from accounts.developers import views

urlpatterns = [
    path("", views.keys, name="developers"),
    path("keys/<uuid:ident>/rotate/", views.rotate, name="rotate_key"),
    path("keys/<uuid:ident>/end/", views.end, name="end_key"),
]
