"""Addresses that everybody may open: those of share links and of the public gallery."""

from django.urls import path

from gallery.sharing import public_views as public
from gallery.sharing import views

SHARED = "s/<str:token>/"
PICTURE = f"{SHARED}<int:number>/"
CONTENT, THUMBNAIL = {"rendition": "content"}, {"rendition": "thumbnail"}
urlpatterns = [
    path(SHARED, views.shared, name="shared"),
    path(f"{SHARED}card.jpg", views.card, name="share_card"),
    path(PICTURE, views.shared_picture, name="shared_picture"),
    path(f"{PICTURE}content", views.shared_file, CONTENT, name="shared_content"),
    path(f"{PICTURE}thumbnail", views.shared_file, THUMBNAIL, name="shared_thumbnail"),
    path("explore/", public.explore, name="explore"),
    path("explore/by/<uuid:ident>/", public.author, name="author"),
    path("explore/comments/<uuid:ident>/delete/", public.delete_comment, name="delete_comment"),
    path("explore/<uuid:ident>/", public.published, name="published"),
    path("explore/<uuid:ident>/picture", public.picture, {"rendition": "picture"}, name="public_picture"),
    path("explore/<uuid:ident>/thumbnail", public.picture, THUMBNAIL, name="public_thumbnail"),
    path("explore/<uuid:ident>/like/", public.like, name="like"),
]
