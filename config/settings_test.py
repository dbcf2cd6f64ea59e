"""What differs in tests."""

from __future__ import annotations

from config.settings import *  # noqa: F403
from config.settings import DATABASES, REST_FRAMEWORK, STORAGES  # noqa: F401

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
DATABASES["default"]["OPTIONS"].pop("pool", None)
LOG_LEVEL = "WARNING"
