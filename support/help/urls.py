from django.urls import path

from support.help import views

urlpatterns = [
    path("", views.home, name="help"),
    path("<slug:slug>/", views.article, name="help_article"),
    path("<slug:slug>/helpful/", views.helpful, name="help_vote"),
]
