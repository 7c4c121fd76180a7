"""The one settings file: all of it comes from the environment, and fails loudly when wrong."""

from pathlib import Path
from typing import Any

import csp.constants as csp
import dj_database_url
import django_stubs_ext
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

from catacloud.embedded import celery_url
from catacloud.object_storage import storage

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured(
        "SECRET_KEY is missing or shorter than 32 characters: set it to a long random string and "
        "keep it secret (./dev makes one under .local/ for the demo and the tests)."
    )

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
HTTPS = env.bool("HTTPS", False)  # the site is only reached by https: secure cookies and HSTS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Only a proxy that sets this header itself, and drops the client's, may be trusted with it.
if env.bool("TRUST_FORWARDED_PROTO", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_HOST = env.bool("TRUST_FORWARDED_HOST", False)

# Sites whose pages may use the APIs with a key of their own; cookies are never for them.
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", [])
CORS_URLS_REGEX = r"^/(api|files)/"
CORS_ALLOW_METHODS = ["POST", "GET", "HEAD", "PATCH", "DELETE", "OPTIONS"]
CORS_PREFLIGHT_MAX_AGE = 86_400
CORS_ALLOW_HEADERS = [
    *("authorization", "content-type", "range", "if-none-match", "x-request-id"),
    *("x-http-method-override", "x-requested-with", "tus-resumable", "upload-length"),
    *("upload-offset", "upload-metadata", "upload-defer-length", "upload-concat"),
    "upload-checksum",
]
CORS_EXPOSE_HEADERS = [
    *("Location", "Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Concat"),
    *("Upload-Defer-Length", "Upload-Expires", "Tus-Version", "Tus-Resumable", "Tus-Extension"),
    *("Tus-Max-Size", "Tus-Checksum-Algorithm", "ETag", "Content-Disposition", "Content-Range"),
]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "csp",
    "django_htmx",
    "ninja",
    "pgtrigger",
    "sequences",
    "template_partials",
    "catacloud",
    "catacloud.accounts",
    "eventstore",
    "uploads",
    "billing",
]

MIDDLEWARE = [
    "uploads.middleware.TusMiddleware",
    "corsheaders.middleware.CorsMiddleware",  # before all that may refuse
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "catacloud.problems.ProblemMiddleware",
]

ROOT_URLCONF = "catacloud.urls"
WSGI_APPLICATION = "catacloud.wsgi.application"

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
            ],
        },
    }
]

DATABASE_URL = env.str("DATABASE_URL", "")
if not DATABASE_URL.startswith(("postgres://", "postgresql://")):
    raise ImproperlyConfigured(
        "DATABASE_URL is missing or not PostgreSQL: set it to postgres://user:password@host/name "
        "(./dev starts a server of its own when it is not set)."
    )
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=60)}
# The event store has few statements, which the server prepares once for each connection. Turn it
# off behind a pooler that hands a connection on after a transaction and cannot keep them.
if env.bool("DATABASE_PREPARED_STATEMENTS", True):
    options = DATABASES["default"].setdefault("OPTIONS", {})
    options["prepare_threshold"] = 0
    # One plan for all values: to plan for each call costs more than it gains on partitioned tables.
    options["options"] = f"{options.get('options', '')} -c plan_cache_mode=force_generic_plan"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", "")
if not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured(
        "REDIS_URL is missing or wrong: set it to redis://host:6379, rediss://… or "
        "unix:///path.sock (./dev starts a server of its own when it is not set)."
    )
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", celery_url(REDIS_URL))
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TIMEZONE = "UTC"
# A wake-up is only a hint: when the broker is away, it is dropped at once and the sweep follows.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "billing.metering.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "collect": {"task": "uploads.tasks.collect", "schedule": 60.0, "options": {"expires": 60}},
    # Every night, so that a night without a worker delays the invoices and loses none.
    "close-month": {
        "task": "billing.invoicing.tasks.close_month",
        "schedule": crontab(hour=3, minute=0),
    },
}

# Fixed when an installation is made: an event keeps the partition that its tenant had then. The
# tables of streams, events and snapshots are migrated into as many; with 1 they stay plain tables.
EVENTSTORE_PARTITIONS = env.int("EVENTSTORE_PARTITIONS", 8, validate=validate.Range(1, 256))
# How many aggregates' states a process keeps in memory.
EVENTSTORE_CACHED_STATES = env.int("EVENTSTORE_CACHED_STATES", 1000, validate=validate.Range(0))
# Seconds that the feed may wait for an open transaction until a warning names it.
EVENTSTORE_HOLD_WARNING = env.float("EVENTSTORE_HOLD_WARNING", 10.0, validate=validate.Range(0))
# Wake long-running consumers (eventstore.follow) by NOTIFY. It costs PostgreSQL a little per burst.
EVENTSTORE_NOTIFY = env.bool("EVENTSTORE_NOTIFY", False)
# Connections that the async side of the store may hold in each event loop.
EVENTSTORE_ASYNC_CONNECTIONS = env.int(
    "EVENTSTORE_ASYNC_CONNECTIONS", 10, validate=validate.Range(1)
)

# Where the bytes of uploads are: in a folder, or, where BLOB_STORE names one, in a bucket.
BLOB_STORE = env.str("BLOB_STORE", "")
BLOB_ROOT = Path(env.str("BLOB_ROOT", str(BASE_DIR / ".local" / "blobs")))
# The largest upload, announced to clients as Tus-Max-Size, and the most parts that make one file.
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", 5 * 2**40, validate=validate.Range(1))
MAX_CONCAT_PARTS = env.int("MAX_CONCAT_PARTS", 1000, validate=validate.Range(1))
# What an organisation without a quota of its own may keep, in bytes; unset: any number.
STORAGE_QUOTA = env.int("STORAGE_QUOTA", None, validate=validate.Range(0))
# Whether bytes count from when they are kept, or only as those of a complete file. Fixed when an
# installation is made: what was metered in one way is not metered again in the other.
METER_UNFINISHED_UPLOADS = env.bool("METER_UNFINISHED_UPLOADS", True)
# An unfinished upload that nobody goes on with is given up; a request that sends nothing is ended.
UPLOAD_EXPIRES_HOURS = env.float("UPLOAD_EXPIRES_HOURS", 24.0, validate=validate.Range(0))
UPLOAD_IDLE_SECONDS = env.float("UPLOAD_IDLE_SECONDS", 60.0, validate=validate.Range(0.1))
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 2**20  # the largest usage batch that is read into memory

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(BASE_DIR / ".local" / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if not DEBUG
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
if BLOB_STORE:
    STORAGES["blobs"] = storage(BLOB_STORE)

# The hash is that of the empty string: Plotly adds one empty <style> and fills it by script.
EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [csp.NONE],
        "script-src": [csp.SELF],
        "style-src": [csp.SELF, EMPTY_STYLE],
        "img-src": [csp.SELF, "data:", "blob:"],
        "connect-src": [csp.SELF],
        "font-src": [csp.SELF],
        "base-uri": [csp.NONE],
        "form-action": [csp.SELF],
        "frame-ancestors": [csp.NONE],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", "INFO")},
}
