from django.urls import path

from support.tickets import views

urlpatterns = [
    path("", views.listing, name="tickets"),
    path("new/", views.new, name="new_ticket"),
    path("<uuid:ident>/", views.detail, name="ticket"),
    path("<uuid:ident>/solved/", views.solved, name="ticket_solved"),
]
