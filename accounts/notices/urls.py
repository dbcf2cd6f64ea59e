from django.urls import path

from accounts.notices import views

urlpatterns = [
    path("", views.listing, name="notices"),
    path("read/", views.read_all, name="read_notices"),
    path("preferences/", views.choose, name="notice_preferences"),
    path("browsers/<uuid:ident>/", views.forget_browser, name="forget_browser"),
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("<uuid:ident>/", views.detail, name="notice"),
]
