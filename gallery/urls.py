from django.urls import path

from gallery import editor, views
from gallery.faces import views as faces
from gallery.sharing import public_views as public
from gallery.sharing import views as sharing
from gallery.shelf import album_views as albums
from gallery.shelf import area_views as area
from gallery.shelf import views as shelf

urlpatterns = [
    path("", views.listing, name="gallery"),
    path("many/", shelf.many, name="many_items"),
    path("albums/", albums.listing, name="albums"),
    path("albums/new/", albums.create, name="create_album"),
    path("albums/<uuid:ident>/change/", albums.change, name="change_album"),
    path("locked/", area.locked, name="locked"),
    path("locked/open/", area.unlock, name="unlock"),
    path("locked/change/", area.change_locked, name="change_locked"),
    path("shares/", sharing.listing, name="share_links"),
    path("shares/new/", sharing.new, name="new_share"),
    path("shares/<uuid:ident>/end/", sharing.end, name="end_share"),
    path("duplicates/", shelf.duplicated, name="duplicates"),
    path("duplicates/merge/", shelf.merge, name="merge_duplicates"),
    path("undo/<uuid:ident>/", shelf.undo, name="undo_bulk"),
    path("people/", faces.everybody, name="people"),
    path("people/agree/", faces.agree, name="agree_faces"),
    path("people/seek/", faces.seek, name="seek_face"),
    path("people/changes/<uuid:ident>/undo/", faces.undo, name="undo_naming"),
    path("people/<uuid:ident>/", faces.person, name="person"),
    path("people/<uuid:ident>/change/", faces.change, name="change_person"),
    path("faces/<uuid:ident>/", faces.more, name="face"),
    path("faces/<uuid:ident>/name/", faces.name, name="name_faces"),
    path("<uuid:ident>/", views.detail, name="item"),
    path("<uuid:ident>/stack/", shelf.restack, name="restack"),
    path("<uuid:ident>/change/", views.change, name="change_item"),
    path("<uuid:ident>/publish/", public.publish, name="publish"),
    path("<uuid:ident>/edit/", editor.editor, name="editor"),
]
