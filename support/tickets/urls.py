from django.urls import path

from support.tickets import guest_views, views

urlpatterns = [
    path("", views.listing, name="tickets"),
    path("new/", views.new, name="new_ticket"),
    path("visitor/<str:token>/", guest_views.page, name="guest_ticket"),
    path("visitor/confirm/<str:token>/", guest_views.confirm, name="guest_confirm"),
    path("<uuid:ident>/", views.detail, name="ticket"),
    path("<uuid:ident>/solved/", views.solved, name="ticket_solved"),
]
