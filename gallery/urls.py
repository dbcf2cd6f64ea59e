from django.urls import path

from gallery import editor, views

urlpatterns = [
    path("", views.listing, name="gallery"),
    path("many/", views.many, name="many_items"),
    path("<uuid:ident>/", views.detail, name="item"),
    path("<uuid:ident>/change/", views.change, name="change_item"),
    path("<uuid:ident>/edit/", editor.editor, name="editor"),
]
