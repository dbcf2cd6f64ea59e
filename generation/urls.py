from django.urls import path

from generation import item_pages, views
from generation.clips import views as clips
from generation.feedback import views as feedback
from generation.presets import views as presets

urlpatterns = [
    path("", views.studio, name="studio"),
    path("state/", views.state, name="studio_state"),
    path("presets/save/", presets.save, name="save_preset"),
    path("presets/<uuid:ident>/delete/", presets.delete, name="delete_preset"),
    path("videos/", clips.page, name="videos"),
    path("videos/state/", clips.state, name="videos_state"),
    path("pictures/<uuid:ident>/not-me/", feedback.not_me, name="not_me"),
    path("pictures/<uuid:ident>/rate/", feedback.rate, name="rate_item"),
    path("<uuid:ident>/", views.job, name="job"),
    path("<uuid:ident>/again/", views.again, name="again"),
    path("<uuid:ident>/cancel/", views.cancel, name="cancel_job"),
    path("pictures/<uuid:item>/repair/", item_pages.repair, name="repair"),
    path("pictures/<uuid:item>/enlarge/", item_pages.enlarge, name="enlarge"),
    path("pictures/<uuid:item>/similar/", item_pages.similar, name="similar"),
]
