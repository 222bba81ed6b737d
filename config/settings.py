"""All reading of the environment; everything else gets typed options from here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.logs import configure_logs
from config.options import embedded_url, load_options, read_port, read_secret
from config.secrets import kept_secret
from ingest.options import OptionsError

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DATA_DIR = Path(env("EVENTSCOPE_DATA", default=str(BASE_DIR / "var"))).resolve()

try:
    OPTIONS = load_options(os.environ, embedded_url=embedded_url(DATA_DIR))
    DATABASE_URL = read_secret(os.environ, "DATABASE_URL")
    SECRET_KEY = read_secret(os.environ, "EVENTSCOPE_SECRET_KEY")
    ENCRYPTION_KEYS = (
        read_secret(os.environ, "EVENTSCOPE_ENCRYPTION_KEYS").replace(",", " ").split()
    )
    ADMIN_PASSWORD = read_secret(os.environ, "EVENTSCOPE_ADMIN_PASSWORD")
    PORT = read_port(os.environ)
    EMAIL_HOST_PASSWORD = read_secret(os.environ, "EVENTSCOPE_SMTP_PASSWORD")
except OptionsError as error:
    raise ImproperlyConfigured(str(error)) from error

INGEST = OPTIONS.ingest
DASHBOARD = OPTIONS.dashboard
EMBEDDED_BROKER = OPTIONS.embedded_broker
HEALTH_SILENT_MS = DASHBOARD.health.silent_ms
HEALTH_GRACE_MS = int(DASHBOARD.health.grace * 1000)
RECEIVER_SECRETS = OPTIONS.receiver_secrets

SECRET_KEY = SECRET_KEY or kept_secret(DATA_DIR / "secret-key")
DEBUG = env.bool("EVENTSCOPE_DEBUG", default=False)
HOST = env("HOST", default="127.0.0.1")
PUBLIC_URL = (DASHBOARD.web.public_url or f"http://{HOST}:{PORT}").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", HOST])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "csp",
    "axes",
    "django_htmx",
    "django_filters",
    "ingest",
    "dashboard",
    "dashboard.accounts",
    "dashboard.notifying",
    "dashboard.live",
    "dashboard.explore",
    "dashboard.recovery",
    "dashboard.alerts",
    "dashboard.fleet",
    "dashboard.api",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dashboard.accounts.middleware.HeadLikeGet",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.accounts.middleware.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "dashboard.accounts.middleware.ReadingLimit",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.shell",
            ],
            "builtins": ["dashboard.templatetags.eventscope"],
        },
    }
]


def _sqlite(name: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / name,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA page_size=8192;PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
                "PRAGMA cache_size=-8000;PRAGMA temp_store=MEMORY;"
                "PRAGMA journal_size_limit=67108864;PRAGMA wal_autocheckpoint=2000"
            ),
        },
    }


SERVER_LIMITS = {"lock_timeout": "60s", "idle_in_transaction_session_timeout": "300s"}
"""Who waits for a lock that long gets an error (a worker tries again), and who sleeps in a transaction is ended."""


SCHEMAS = {"default": "eventscope", "events": "eventscope_events"}


def _server(url: str, schema: str, *, packed: bool = False) -> dict[str, Any]:
    """One PostgreSQL server may hold both: each half has a schema (and migration table) of its own.

    ``?pooler=transaction`` in the URL says that connections are lent for a transaction each, so none is
    asked to keep anything: the pooler sets what they need (`dashboard.pooler`).
    """
    database: dict[str, Any] = environ.Env.db_url_config(url)
    database["ENGINE"] = "config.postgresql"
    options = database.setdefault("OPTIONS", {})
    pooler = options.pop("pooler", "")
    if pooler not in ("", "transaction"):
        raise ImproperlyConfigured(
            f"DATABASE_URL: pooler={pooler} is not known: pooler=transaction"
        )
    if pooler:
        database["POOLED"] = True
        database["DISABLE_SERVER_SIDE_CURSORS"] = True
    else:
        limits = " ".join(f"-c {name}={value}" for name, value in SERVER_LIMITS.items())
        options["options"] = f"-c search_path={schema} {limits}"
    # Packed bytes travel as they are, not as twice as many hexadecimal digits within the statement.
    options["server_side_binding"] = packed
    database["CONN_HEALTH_CHECKS"] = True
    database["SCHEMA"] = schema
    return database


if DATABASE_URL:
    DATABASES = {
        "default": _server(DATABASE_URL, SCHEMAS["default"]),
        "events": _server(DATABASE_URL, SCHEMAS["events"], packed=True),
    }
else:
    DATABASES = {"default": _sqlite("eventscope.sqlite3"), "events": _sqlite("events.sqlite3")}
DATABASE_ROUTERS = ["ingest.router.EventsRouter"]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "accounts:sign-in"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "dashboard.accounts.errors.locked_out"
CSRF_FAILURE_VIEW = "dashboard.accounts.errors.csrf_failure"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = env.bool("EVENTSCOPE_HTTPS", default=False)
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}

STATIC_URL = "/static/"
STATIC_ROOT = None
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

MAIL = DASHBOARD.alerts.smtp
EMAIL_HOST = MAIL.host
EMAIL_PORT = MAIL.port
EMAIL_HOST_USER = MAIL.username
EMAIL_USE_TLS = MAIL.security == "starttls"
EMAIL_USE_SSL = MAIL.security == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = MAIL.sender

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

LOGGING_CONFIG = None
configure_logs(
    style=env("EVENTSCOPE_LOG", default="console"),
    level=env("EVENTSCOPE_LOG_LEVEL", default="info"),
)
AXES_VERBOSE = False
