import logging

import django.contrib.admin.apps
from django.apps import AppConfig

from config import celery, garbage


class ConfigConfig(AppConfig):
    name = "config"
    celery = celery.app  # the application to which every task and every sender belongs

    def ready(self) -> None:
        logging.captureWarnings(True)  # so that they are lines of the log like others


class AdminConfig(django.contrib.admin.apps.AdminConfig):
    default_site = "accounts.staff.StaffSite"
    default = False  # it is the admin, not this package

    def ready(self) -> None:
        super().ready()
        garbage.collect_as_usual()  # the last of our apps: all others are loaded
