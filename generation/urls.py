from django.urls import path

from generation import views

urlpatterns = [
    path("", views.studio, name="studio"),
    path("state/", views.state, name="studio_state"),
    path("<uuid:ident>/", views.job, name="job"),
    path("<uuid:ident>/again/", views.again, name="again"),
    path("<uuid:ident>/cancel/", views.cancel, name="cancel_job"),
]
