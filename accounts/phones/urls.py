from django.urls import path

from accounts.phones import views

entrance = [
    path("", views.enter, name="phone_enter"),
    path("code/", views.enter_code, name="phone_code"),
    path("state/", views.state, name="phone_state"),
]
urlpatterns = [
    path("", views.mine, name="my_phone"),
    path("code/", views.change_code, name="my_phone_code"),
    path("remove/", views.remove, name="remove_phone"),
    path("proof/", views.send_proof, name="my_code"),
]
