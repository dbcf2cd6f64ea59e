"""The settings of the tests, where they differ."""

from __future__ import annotations

import os

from config.settings import *  # noqa: F403
from config.settings import DATABASES, REST_FRAMEWORK, STORAGES  # noqa: F401

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_FILE_PATH = os.environ.get("MAIL_FOLDER")  # processes started by a test write their e-mails here
EMAIL_BACKEND = f"django.core.mail.backends.{'filebased' if EMAIL_FILE_PATH else 'locmem'}.EmailBackend"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
DATABASES["default"]["OPTIONS"].pop("pool", None)
WHITENOISE_AUTOREFRESH = True  # else each test client lists every static file at its first request
LOG_LEVEL = "WARNING"
# Never, so that tests count the queries of what they test. Tests of maintenance call now.forget().
MAINTENANCE_LOOK = float(os.environ.get("MAINTENANCE_LOOK", "inf"))
