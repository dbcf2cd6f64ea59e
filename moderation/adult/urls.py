from django.urls import path

from moderation.adult import views

urlpatterns = [path("account/age/", views.age, name="age")]
