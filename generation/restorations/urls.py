from django.urls import path

from generation.restorations import views

urlpatterns = [
    path("", views.listing, name="restorations"),
    path("state/", views.state, name="restorations_state"),
    path("send/", views.send, name="send_restoration"),
    path("many/", views.many, name="many_restorations"),
    path("<uuid:ident>/", views.detail, name="restoration"),
    path("<uuid:ident>/change/", views.change, name="change_restoration"),
    path("<uuid:ident>/milder/", views.milder, name="milder_restoration"),
    path("<uuid:ident>/cancel/", views.cancel, name="cancel_restoration"),
    path("<uuid:ident>/delete/", views.delete, name="delete_restoration"),
]
