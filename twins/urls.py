from django.urls import path

from twins import views
from twins.avatars import views as avatars
from twins.proof import views as proof
from twins.redo import views as redo

urlpatterns = [
    path("", views.listing, name="twins"),
    path("new/", views.new, name="new_twin"),
    path("<uuid:ident>/", views.detail, name="twin"),
    path("<uuid:ident>/state/", views.state, name="twin_state"),
    path("<uuid:ident>/agree/", views.agree, name="agree"),
    path("<uuid:ident>/photos/", views.send, name="send_photos"),
    path("<uuid:ident>/photos/remove/", views.remove_photos, name="remove_photos"),
    path("<uuid:ident>/photos/<uuid:photo>/delete/", views.remove_photo, name="remove_photo"),
    path("<uuid:ident>/avatar/", avatars.panel, name="twin_avatar"),
    path("<uuid:ident>/avatar/draw/", avatars.draw, name="draw_avatar"),
    path("<uuid:ident>/avatar/correct/", avatars.correct, name="correct_avatar"),
    path("<uuid:ident>/train/", views.train, name="train"),
    path("<uuid:ident>/verify/", proof.verify, name="verify_twin"),
    path("<uuid:ident>/verify/state/", proof.verify_state, name="verify_state"),
    path("<uuid:ident>/verify/phone/", proof.phone, name="verify_on_phone"),
    path("<uuid:ident>/invite/", proof.invite, name="invite"),
    path("<uuid:ident>/invite/revoke/", proof.revoke, name="revoke_invitation"),
    path("<uuid:ident>/redo/", redo.redo, name="redo"),
    path("<uuid:ident>/delete/", views.remove, name="remove_twin"),
    path("trainings/<uuid:ident>/", views.training, name="training"),
    path("trainings/<uuid:ident>/cancel/", views.cancel, name="cancel_training"),
    path("trainings/<uuid:ident>/activate/", views.activate, name="activate_training"),
]
