"""All settings, read from the environment. Importing them starts no server and makes no key.

config/start/env.py lists what must be set; `make run` and `make test` set it (config/start/checkout.py).
"""

from __future__ import annotations

from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from config.start import beat, engines, env, limits, lines, logins, sms

env.require()
LOGINS = logins.configured()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(env.text("VAR", str(BASE_DIR / "var")))
KEYS = VAR / "keys"
DEBUG = env.flag("DEBUG")
# The public address. With https, secure cookies, HSTS and the redirect to https are on.
ORIGIN = env.text("ORIGIN", "http://127.0.0.1:8000").rstrip("/")
SECURE = ORIGIN.startswith("https://")
HOST = urlsplit(ORIGIN).hostname or "127.0.0.1"
RELEASE = env.text("RELEASE")  # what runs here, such as a commit; staff see it on tickets

SECRET_KEY = env.text("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")  # earlier ones, whose signatures still count
VAULT_MASTER_KEYS = env.master_keys("VAULT_MASTER_KEYS")
ALLOWED_HOSTS = [HOST, "127.0.0.1", "localhost", "[::1]", *env.words("ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = [ORIGIN]

INSTALLED_APPS = [
    "config",
    "accounts",
    "billing",
    "moderation",
    "twins",
    "gallery",
    "generation",
    "support",
    "config.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    *LOGINS.apps,
    "allauth.usersessions",
    "allauth.headless",
]
MIDDLEWARE = [
    "config.web.logged.LogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.web.permissions.PermissionsMiddleware",
    "config.web.afterwards.AfterwardsMiddleware",
    "config.web.compression.CompressionMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.web.caching.CachingMiddleware",
    "config.web.deprecations.DeprecationMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "support.maintenance.middleware.MaintenanceMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.devices.DeviceMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.zones.ZoneMiddleware",
    "config.web.once.OnceMiddleware",
    "config.web.problems.ProblemMiddleware",
]
# Who may read /metrics: private networks, and who sends the token. With neither there is no such page.
METRICS_FROM, METRICS_TOKEN = env.networks("METRICS_FROM"), env.text("METRICS_TOKEN")
if METRICS_FROM or METRICS_TOKEN:
    MIDDLEWARE[:0] = [f"support.metrics.middleware.{name}Middleware" for name in ("Metrics", "Counting")]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WEB_THREADS = env.number("WEB_THREADS", 4, least=1)  # of a web process, for requests (config/web/handler.py)
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.web.views.look",
                "billing.views.credits",
                "accounts.notices.views.unread",
                "accounts.standing.views.banner",
                "support.maintenance.views.announced",
            ]
        },
    }
]

# ---------------------------------------------------------------- database, broker, files
DATABASES = {"default": env.database("DATABASE_URL")}
DATABASES["default"]["OPTIONS"]["pool"] = {
    "min_size": 0,
    # A connection for each thread that answers, those of the event streams, and some to spare.
    "max_size": env.number("DATABASE_POOL", WEB_THREADS + 6, least=1),
    "timeout": 10,
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # a restart of PostgreSQL breaks the pool's connections
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.redis("REDIS_URL")
CACHES = {
    # Attempts at logins and codes are counted in PostgreSQL, so that the limits hold without Redis.
    "default": {"BACKEND": "config.web.counters.Counters", "LOCATION": "accounts_cache"},
    "redis": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    },
}
RATELIMIT_USE_CACHE = "redis"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(VAR / "files")},
    },
    "tombstones": {  # of erased accounts (accounts/tombstones.py); no restore of a backup may replace it
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": env.text("TOMBSTONES", str(VAR / "tombstones"))},
    },
    "public": {  # copies of what is in the public gallery (gallery/sharing/copies.py)
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(VAR / "public")},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
if bucket := env.text("S3_BUCKET"):
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": env.text("S3_ENDPOINT") or None,
            "default_acl": None,
        },
    }
    options = {**STORAGES["default"]["OPTIONS"], "location": "public"}  # type: ignore[dict-item]
    STORAGES["public"] = {**STORAGES["default"], "OPTIONS": options}
    if not env.text("TOMBSTONES"):
        options = {**STORAGES["default"]["OPTIONS"], "location": "tombstones"}  # type: ignore[dict-item]
        STORAGES["tombstones"] = {**STORAGES["default"], "OPTIONS": options}
# Where backups go (docs/operations/backups.md), off without it, and PostgreSQL's programs where they are not
# on PATH.
BACKUPS, POSTGRES_PROGRAMS = env.text("BACKUPS"), env.text("POSTGRES_PROGRAMS")
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [p for p in [BASE_DIR / "static"] if p.is_dir()]
WHITENOISE_USE_FINDERS = True

MAX_UPLOAD = 25 * 1024 * 1024  # bytes of a photo
MAX_BODY = MAX_UPLOAD + 64 * 1024  # bytes of a request
# Bytes of large requests that one web process takes at once; half of them from one user. A request takes
# about twice its size in memory.
MAX_BODIES = 4 * MAX_BODY
# Django keeps a request's body in memory up to this size: a photo is never on the disk unencrypted.
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY
FILE_UPLOAD_HANDLERS = ["config.web.uploads.MemoryUpload"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 12_000  # a page of the gallery may send the ids of 10,000 chosen pictures

# ---------------------------------------------------------------- accounts
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
# The first is used. Older hashes are replaced at the next log-in (accounts/adapter.py).
PASSWORD_HASHERS = ["accounts.hashing.Argon2", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
# Length instead of rules about characters, and none of the passwords that leaks show.
_DJANGOS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_DJANGOS}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "accounts.passwords.LeakedPasswordValidator"},
    {
        "NAME": f"{_DJANGOS}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "display_name")},
    },
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"  # only purchase, sharing and publishing need a verified address
ACCOUNT_ADAPTER = "accounts.adapter.Adapter"
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.SignupTerms"
# Signing up with a known address makes a new account, so the answer is the same (accounts/addresses.py).
ACCOUNT_PREVENT_ENUMERATION = "strict"
# True, so that both answers take the same time. The adapter sends no mail to an unknown address.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_CHANGE_EMAIL = True  # one address: a new one replaces it once it is proven
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Of codes of the second factor. Passwords have limits of their own (accounts/attempts.py).
ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key"}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE else "http"
# Links in mails come from ORIGIN alone, whatever host a request names.
HEADLESS_FRONTEND_URLS = {
    "account_confirm_email": f"{ORIGIN}/accounts/confirm-email/{{key}}/",
    "account_reset_password": f"{ORIGIN}/accounts/password/reset/",
    "account_reset_password_from_key": f"{ORIGIN}/accounts/password/reset/key/{{key}}/",
    "account_signup": f"{ORIGIN}/accounts/signup/",
}
HEADLESS_CLIENTS = ("app",)
HEADLESS_SERVE_SPECIFICATION = True
HEADLESS_TOKEN_STRATEGY = "accounts.tokens.FamilyStrategy"
HEADLESS_JWT_PRIVATE_KEY = env.private_key("JWT_PRIVATE_KEY")
HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True
HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = 3600  # seconds; a logout ends it at once
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ADAPTER = "accounts.staff.MFAAdapter"
MFA_TOTP_ISSUER = "PhotoFlux"
# Accounts elsewhere (accounts/social/). None is made without a page that agrees to the terms.
SOCIALACCOUNT_PROVIDERS = LOGINS.providers
SOCIALACCOUNT_ADAPTER = "accounts.social.adapter.SocialAdapter"
SOCIALACCOUNT_FORMS = {"signup": "accounts.social.forms.SignupForm"}
SOCIALACCOUNT_AUTO_SIGNUP = False
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/twins/"
_MAIL = "smtp" if env.text("EMAIL_HOST") else "console"  # console: into the log of the sending process
EMAIL_BACKEND = f"django.core.mail.backends.{_MAIL}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = env.text("EMAIL_HOST", "localhost"), env.number("EMAIL_PORT", 25)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = env.text("EMAIL_USER"), env.text("EMAIL_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.text("FROM_EMAIL", f"PhotoFlux <no-reply@{HOST}>")
# Answers to conversations with staff (docs/support.md): the address that they go to, "" for none, and the
# secrets of whoever hands us what arrives there: the first is used, all are accepted.
SUPPORT_MAIL, INBOUND_MAIL_SECRETS = env.text("SUPPORT_MAIL"), env.words("INBOUND_MAIL_SECRETS")

# Codes by SMS (docs/sms.md): who sends them, where to, how many a day, and the most that one may cost.
SMS_SENDER = sms.sender(SECURE)
TWILIO, SNS = sms.twilio(SMS_SENDER), sms.sns(SMS_SENDER)
SMS_COUNTRIES = sms.countries()
SMS_A_DAY = env.number("SMS_A_DAY", 500)
SMS_MAX_PRICE = env.text("SMS_MAX_PRICE")  # in the account's currency (SNS: US dollars); "": the sender's own

# Notices to browsers (web push): our key, "" for none; the services that browsers may choose; our address.
VAPID_PRIVATE_KEY = env.curve_key("VAPID_PRIVATE_KEY")
PUSH_SERVICES = env.words(
    "PUSH_SERVICES",
    "fcm.googleapis.com,updates.push.services.mozilla.com,.push.apple.com,.notify.windows.com",
)
PUSH_CONTACT = ORIGIN if SECURE else f"mailto:{parseaddr(DEFAULT_FROM_EMAIL)[1]}"

# ---------------------------------------------------------------- who runs this service
# Shown on /imprint/ and /privacy/; `check --deploy` warns where the first three are missing. In the address
# a semicolon ends a line.
OPERATOR = {
    name: env.text(f"OPERATOR_{name.upper()}").strip()
    for name in ("name", "address", "email", "phone", "register", "vat", "authority")
}

# ---------------------------------------------------------------- payments
# The first key is used, all are accepted: so a key can be replaced. Without a key nothing can be bought.
STRIPE_SECRET_KEYS = env.words("STRIPE_SECRET_KEYS")
STRIPE_WEBHOOK_SECRETS = env.words("STRIPE_WEBHOOK_SECRETS")
STRIPE_API = env.text("STRIPE_API", "https://api.stripe.com")
STRIPE_PAGES = env.words("STRIPE_PAGES", "https://checkout.stripe.com,https://billing.stripe.com")
STRIPE_TAX = env.flag("STRIPE_TAX")  # Stripe computes the tax; set it up in its dashboard first
CURRENCY = env.text("CURRENCY", "usd")  # of plans and packs

# ---------------------------------------------------------------- security
# No script reads a cookie. With https the prefix __Host- lets no sibling host set one in our place.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
_PREFIX = "__Host-" if SECURE else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_PREFIX}sessionid", f"{_PREFIX}csrftoken"
DEVICE_COOKIE_NAME = f"{_PREFIX}device"  # of accounts/devices.py
SESSION_ENGINE = "accounts.session_store"
SECURE_SSL_REDIRECT = SECURE and env.flag("SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]
SECURE_HSTS_SECONDS = 31536000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_PROXY") else None
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "config.web.problems.csrf_failure"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "media-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'", *LOGINS.pages, *(STRIPE_PAGES if STRIPE_SECRET_KEYS else [])],
    }
}

# ---------------------------------------------------------------- languages
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish")), ("zh-hans", _("Chinese (simplified)"))]
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "borrowed"]
USE_TZ = True
TIME_ZONE = "UTC"

# ---------------------------------------------------------------- the API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication",
        "accounts.developers.authentication.ApiKeyAuthentication",
        "allauth.headless.contrib.rest_framework.authentication.XSessionTokenAuthentication",
        "config.web.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.web.schema.Schema",
    "DEFAULT_PAGINATION_CLASS": None,
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.web.serializers.IgnoreAccept",
    "EXCEPTION_HANDLER": "config.web.problems.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "PhotoFlux",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # `check --deploy` is about the installation; tests/test_client.py looks at the description.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "accounts.developers.documented.add_webhooks",
    ],
    "ENUM_NAME_OVERRIDES": {
        "RunStatus": "config.runs.models.Status",
        "CaseKind": "moderation.cases.models.Case.Kind",
    },
}
LIMITS = limits.table()  # how often what may be done; LIMITS and API_KEY_RATE change rows
# Where people's webhooks may go: ports of public https addresses. WEBHOOK_PRIVATE is for development alone:
# it allows http, every port, and every address that the workers reach.
WEBHOOK_PORTS = env.numbers("WEBHOOK_PORTS", "443")
WEBHOOK_PRIVATE = env.flag("WEBHOOK_PRIVATE")
# Without Redis the generic rate limits are off. Logins are counted in the database and stay limited.
RATELIMIT_FAIL_OPEN = True
RATELIMIT_IP_META_KEY = "config.web.ratelimit.address"
SILENCED_SYSTEM_CHECKS = ["django_ratelimit.W001"]
# How many proxies of our own are in front. The client is the PROXIES-th address of X-Forwarded-For from
# the right.
PROXIES = env.number("PROXIES", 0)

# ---------------------------------------------------------------- work
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
# The row holds the state (config/runs/models.py): the broker redelivers nothing.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 1, "max_retries": 0}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BEAT_SCHEDULE, CELERY_BEAT_SCHEDULER = beat.schedule(), "config.runs.rounds:Scheduler"
STUDIO_PROFILE = env.text("STUDIO_PROFILE", "nano")  # the default engine
STUDIO_THREADS = env.number("STUDIO_THREADS", 0) or None
# Render with the base in 8 bits, also where the memory suffices for 16.
STUDIO_IN_8_BITS = env.flag("STUDIO_IN_8_BITS", False)
STUDIO_SOURCES = env.pairs("STUDIO_SOURCES", "=")  # profile=directory
# Face restorers that do not ship (`manage.py fetch_models restore`), and the one to use ("": the best here).
RESTORERS, RESTORER = Path(env.text("RESTORERS", str(VAR / "restorers"))), env.text("RESTORER")
REMOTES = engines.remotes()  # by service: FAL_KEYS, FAL_URL, TOGETHER_KEYS, TOGETHER_URL, TOGETHER_LORA_MODEL
STUDIO_PROFILES = engines.profiles(STUDIO_PROFILE, STUDIO_SOURCES, REMOTES)  # all that are offered

MAINTENANCE_LOOK = 3.0  # seconds after which a process looks again whether a maintenance is planned
# Anonymous events in PostHog's form (support/telemetry); without a key nothing is sent.
POSTHOG_KEY, POSTHOG_HOST = env.text("POSTHOG_KEY"), env.web("POSTHOG_HOST", "https://eu.i.posthog.com")

SENTRY_DSN = env.dsn("SENTRY_DSN")  # where errors are reported (config/reports.py); nowhere without it
TRACES_TO = env.text("OTEL_EXPORTER_OTLP_ENDPOINT").rstrip("/")  # a collector of OpenTelemetry
LOGGING = lines.configured(SENTRY_DSN)
# Adult content (docs/moderation.md): off unless the operator allows it, and then in these countries alone.
ADULT_CONTENT = env.flag("ADULT_CONTENT")
ADULT_COUNTRIES = env.pairs("ADULT_COUNTRIES", "=")  # ISO 3166 and name: ES=España,MX=México
AGE_VERIFIER = env.text("AGE_VERIFIER", "moderation.adult.verifiers.DocumentReview")
LIKENESS_FLOOR = env.flag("LIKENESS_FLOOR", True)  # what is below its base's likeness floor is not charged
