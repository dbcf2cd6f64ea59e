from django.urls import path

from moderation.standing import views

urlpatterns = [path("account/standing/", views.standing, name="standing")]
