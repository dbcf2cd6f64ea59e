from django.urls import include, path

from accounts import views
from accounts.limits.views import limits
from accounts.social.views import confirm_elsewhere

urlpatterns = [
    path("", views.account, name="account"),
    path("limits/", limits, name="limits"),
    path("phone/", include("accounts.phones.urls")),
    path("notices/", include("accounts.notices.urls")),
    path("consents/", views.consent_history, name="consents"),
    path("privacy/", views.privacy, name="my_privacy"),
    path("consents/<slug:kind>/", views.consent, name="consent"),
    path("everything/", views.everything, name="everything"),
    path("erase/", views.erase, name="erase"),
    path("sessions/end/", views.end_session, name="end_session"),
    path("confirm/", confirm_elsewhere, name="confirm_elsewhere"),
    path("archives/<uuid:ident>/", views.archive, name="archive"),
]
