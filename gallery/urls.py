from django.urls import path

from gallery import views
from gallery.shelf import views as shelf

urlpatterns = [
    path("", views.listing, name="gallery"),
    path("many/", shelf.many, name="many_items"),
    path("undo/<uuid:ident>/", shelf.undo, name="undo_bulk"),
    path("<uuid:ident>/", views.detail, name="item"),
    path("<uuid:ident>/stack/", shelf.restack, name="restack"),
    path("<uuid:ident>/change/", views.change, name="change_item"),
]
