from django.urls import path

from generation.packs import views

urlpatterns = [
    path("", views.listing, name="headshots"),
    path("orders/<uuid:ident>/", views.contact_sheet, name="headshots_sheet"),
    path("orders/<uuid:ident>/state/", views.sheet_state, name="headshots_state"),
    path("orders/<uuid:ident>/act/", views.act, name="headshots_act"),
    path("<slug:code>/", views.order, name="headshots_pack"),
]
