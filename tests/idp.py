"""A real provider of OpenID Connect for the tests: allauth's, as a Django project of its own.

`python -m tests.idp PORT FOLDER` serves it; POST /clients with `redirect` registers the product.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

CLIENT, SECRET, PASSWORD = "photoflux", "a secret of the tests", "a long password"
EMAIL = "ana@example.com"


def start(port: int, folder: Path) -> subprocess.Popen[bytes]:
    log = (folder / "idp.log").open("wb")
    command = [sys.executable, "-m", "tests.idp", str(port), str(folder)]
    return subprocess.Popen(command, cwd=Path(__file__).resolve().parent.parent, stdout=log, stderr=log)


def _settings(folder: str) -> dict[str, Any]:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    django = [f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions", "messages")]
    context = ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth"]
    context += ["django.contrib.messages.context_processors.messages"]
    return {
        "SECRET_KEY": "of the tests",
        "ALLOWED_HOSTS": ["*"],
        "ROOT_URLCONF": "tests.idp",
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/idp.sqlite3"}},
        "INSTALLED_APPS": [*django, "allauth", "allauth.account", "allauth.idp.oidc"],
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": context},
            }
        ],
        "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "SESSION_COOKIE_NAME": "idp",
        "CSRF_COOKIE_NAME": "idpcsrf",
        "IDP_OIDC_PRIVATE_KEY": pem,
        "USE_TZ": True,
    }


def _people() -> None:
    from allauth.account.models import EmailAddress
    from django.contrib.auth.models import User

    user = User.objects.create_user("ana", EMAIL, PASSWORD)
    EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)


def register(request: Any) -> Any:
    from allauth.idp.oidc.models import Client
    from django.http import HttpResponse

    facts = {"name": "PhotoFlux", "skip_consent": True, "scopes": "openid\nprofile\nemail"}
    made, _new = Client.objects.update_or_create(id=CLIENT, defaults=facts)
    made.set_secret(SECRET)
    made.set_redirect_uris([request.POST["redirect"]])
    made.save()
    return HttpResponse("made")


def _urls() -> list[Any]:
    from django.http import HttpResponse
    from django.urls import include, path
    from django.views.decorators.csrf import csrf_exempt

    return [
        path("favicon.ico", lambda request: HttpResponse(status=204)),
        path("clients", csrf_exempt(register)),
        path("accounts/", include("allauth.urls")),
        path("", include("allauth.idp.urls")),
    ]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def serve(port: str, folder: str) -> None:
    import django
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.management import call_command

    settings.configure(**_settings(folder))
    django.setup()
    globals()["urlpatterns"] = _urls()
    sys.modules["tests.idp"] = sys.modules["__main__"]
    call_command("migrate", verbosity=0)
    _people()
    server = Server(("127.0.0.1", int(port)), WSGIRequestHandler)
    server.set_app(WSGIHandler())
    server.serve_forever()


if __name__ == "__main__":
    serve(*sys.argv[1:])
