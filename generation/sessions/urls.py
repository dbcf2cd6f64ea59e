from django.urls import path

from generation.sessions import views

urlpatterns = [
    path("", views.listing, name="sessions"),
    path("<uuid:ident>/", views.detail, name="session"),
    path("<uuid:ident>/state/", views.state, name="session_state"),
    path("<uuid:ident>/name/", views.rename, name="rename_session"),
    path("<uuid:ident>/add/", views.add, name="add_to_session"),
    path("<uuid:ident>/repeat/", views.repeat, name="repeat_session"),
    path("<uuid:ident>/delete/", views.remove, name="remove_session"),
]
