"""The one settings file: all of it comes from the environment, and fails loudly when wrong."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import csp.constants as csp
import dj_database_url
import django_stubs_ext
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate
from kombu import Queue

from catacloud.celery_urls import celery_url
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
    "catacloud",  # first: it translates what models are called, and the admin makes forms of that
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
    "catacloud.accounts",
    "eventstore",
    "uploads",
    "billing",
    "catacloud.org_settings",
]

MIDDLEWARE = [
    "catacloud.afterwards.AfterwardsMiddleware",
    "catacloud.bodiless.BodilessMiddleware",
    "uploads.middleware.TusMiddleware",
    "corsheaders.middleware.CorsMiddleware",  # before all that may refuse
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "catacloud.compression.PagesGZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "catacloud.accounts.language.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "catacloud.problems.ProblemMiddleware",
    "billing.lago.errors.LagoErrorMiddleware",
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
# The event store has few statements, which the server prepares once for each connection. Turn that
# off behind a pooler that hands a connection on after a transaction: then nothing outlives one.
if env.bool("DATABASE_PREPARED_STATEMENTS", True):
    options = DATABASES["default"].setdefault("OPTIONS", {})
    options["prepare_threshold"] = 0
    # One plan for all values: to plan for each call costs more than it gains on partitioned tables.
    # Such a plan expects far more rows than there are; for so many, a server that can would compile
    # it at each call, which takes longer than the rows do.
    own = "-c plan_cache_mode=force_generic_plan -c jit=off"
    options["options"] = f"{options.get('options', '')} {own}"
else:
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True  # outside transactions
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", "")
if not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured(
        "REDIS_URL is missing or wrong: set it to redis://host:6379, rediss://… or "
        "unix:///path.sock (./dev starts a server of its own when it is not set)."
    )
# No request waits longer for a cache or a broker that is away: see catacloud/outages.py.
REDIS_PATIENCE = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}  # seconds
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": REDIS_PATIENCE,
    }
}

# Celery: a queue for each purpose, so that none waits behind another's work. A worker takes from
# all of them, unless -Q names some.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "") or celery_url(REDIS_URL)
CELERY_TASK_QUEUES = [Queue(name) for name in ("metering", "billing", "uploads", "archives")]
CELERY_TASK_CREATE_MISSING_QUEUES = False  # a misspelt name would be a queue that nobody reads
CELERY_TASK_DEFAULT_QUEUE = "billing"
CELERY_TASK_ROUTES = {
    "billing.metering.tasks.*": "metering",
    "billing.rankings.tasks.renew": "metering",  # an open page waits for it, as it does for these
    "billing.archiving.*": "archives",
    "uploads.*": "uploads",
}
CELERY_TASK_IGNORE_RESULT = True
# A message goes only when its task is done: whoever dies amid it leaves it to somebody else. So all
# tasks may run twice.
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Processes of a worker: more than cores, for what takes long, as ranking all organisations and
# working out revenue, keeps one each, and whoever looks at a page waits for the rest.
CELERY_WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", 4, validate=validate.Range(1))
# Seconds that a task may take: then it is told to end, and soon after its process is killed.
CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 540, 600
CELERY_TASK_ANNOTATIONS = {
    "billing.metering.tasks.advance_partition": {"soft_time_limit": 90, "time_limit": 120},
    "billing.metering.tasks.sweep": {"soft_time_limit": 20, "time_limit": 30},
    # Twelve months of ten thousand organisations take a minute, and two where none of them is kept
    # yet. It is less than the timeout below.
    "billing.rankings.tasks.rank": {"soft_time_limit": 840, "time_limit": 870},
}
# On SIGTERM a worker ends its tasks first. On SIGQUIT it gives them so many seconds, and hands what
# is left to others.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = env.float("WORKER_SOFT_SHUTDOWN_SECONDS", 20.0)
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False  # they may run twice
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # however long the broker is away, workers come back
CELERY_BROKER_CONNECTION_TIMEOUT = 2.0
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, float] = {"max_retries": 0}  # of who sends
if CELERY_BROKER_URL.startswith(("redis", "sentinel")):
    # Redis hands a message out again when it was not done with after the visibility timeout; that
    # has to be longer than any task may take.
    CELERY_BROKER_TRANSPORT_OPTIONS |= {
        "visibility_timeout": CELERY_TASK_TIME_LIMIT + 300,
        "socket_timeout": 2.0,
        "socket_connect_timeout": 2.0,
    }
CELERY_TIMEZONE = "UTC"
# A wake-up is only a hint: when the broker is away, it is dropped at once and the sweep follows.
CELERY_TASK_PUBLISH_RETRY = False
# What beat sends expires, so that nothing piles up while no worker runs.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep": {"task": "billing.metering.tasks.sweep", "schedule": 5.0, "options": {"expires": 30}},
    "collect": {"task": "uploads.tasks.collect", "schedule": 60.0, "options": {"expires": 60}},
    # Every night, so that a night without a worker delays the invoices and loses none.
    "close-due": {
        "task": "billing.invoicing.tasks.close_due",
        "schedule": crontab(hour=3, minute=0),
        "options": {"expires": 20 * 3600},
    },
    "issue-files": {
        "task": "billing.invoicing.tasks.issue_files",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "watch-budgets": {
        "task": "billing.budgets.tasks.watch_budgets",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "rank-usual": {
        "task": "billing.rankings.tasks.rank_usual",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "keep-revenue": {
        "task": "billing.revenue.tasks.keep_revenue",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "resume-migrations": {
        "task": "billing.migrating.tasks.resume_migrations",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    # Once a week, for it looks through all months that are closed for what came late.
    "archive": {
        "task": "billing.archiving.tasks.archive",
        "schedule": crontab(day_of_week="sunday", hour=4, minute=0),
        "options": {"expires": 6 * 24 * 3600},
    },
}

# Fixed when an installation is made: an event keeps the partition that its tenant had then. The
# tables of streams, events and snapshots are migrated into as many; with 1 they stay plain tables.
EVENTSTORE_PARTITIONS = env.int("EVENTSTORE_PARTITIONS", 8, validate=validate.Range(1, 256))
NEW_TENANT_ID = "eventstore.placement.new_tenant_id"  # of organisations, which know no other room
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
# The largest request with usage events that is read, and how many events a key may send on average;
# unset: any number.
MAX_INGEST_BYTES = env.int("MAX_INGEST_BYTES", 10 * 2**20, validate=validate.Range(1))
INGEST_EVENTS_PER_SECOND = env.int("INGEST_EVENTS_PER_SECOND", None, validate=validate.Range(1))
# Raw usage of a month goes to Parquet files so many days after it was invoiced, or was over where
# nobody is invoiced; unset: never. They go to a folder, or, where ARCHIVE_STORE names one, to a
# bucket. That the payloads of what is archived leave the database is a decision of its own.
ARCHIVE_USAGE_AFTER_DAYS = env.int("ARCHIVE_USAGE_AFTER_DAYS", None, validate=validate.Range(0))
DROP_ARCHIVED_PAYLOADS = env.bool("DROP_ARCHIVED_PAYLOADS", False)
ARCHIVE_STORE = env.str("ARCHIVE_STORE", "")
ARCHIVE_ROOT = Path(env.str("ARCHIVE_ROOT", str(BASE_DIR / ".local" / "archive")))
# How long a period that is over waits for late events before its invoice is made.
INVOICE_GRACE = timedelta(
    hours=env.float("INVOICE_GRACE_HOURS", 48.0, validate=validate.Range(0, 20 * 24))
)
# Where an invoiced period comes to less since: a line on the next invoice, or a credit note.
INVOICE_CORRECTIONS = env.str(
    "INVOICE_CORRECTIONS", "next-invoice", validate=validate.OneOf(["next-invoice", "credit-note"])
)
# Issued invoices are kept in a folder, or, where DOCUMENT_STORE names one, in a bucket.
DOCUMENT_STORE = env.str("DOCUMENT_STORE", "")
DOCUMENT_ROOT = Path(env.str("DOCUMENT_ROOT", str(BASE_DIR / ".local" / "documents")))
# They are sent by e-mail, and so are invitations: only printed, unless EMAIL_HOST names a server.
EMAIL_HOST = env.str("EMAIL_HOST", "")
EMAIL_PORT = env.int("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 20  # seconds
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "billing@localhost")
DATA_UPLOAD_MAX_MEMORY_SIZE = max(16 * 2**20, MAX_INGEST_BYTES)  # no body in memory is larger

# What Prometheus has to send as its bearer token to read /metrics; unset: there is no such page.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
if METRICS_TOKEN and len(METRICS_TOKEN) < 20:
    raise ImproperlyConfigured(
        "METRICS_TOKEN is shorter than 20 characters: set it to a long random string, or unset it."
    )

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
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
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
    "archive": {
        "BACKEND": "catacloud.durable_storage.DurableFileSystemStorage",
        "OPTIONS": {"location": ARCHIVE_ROOT, "directory_permissions_mode": 0o700},
    },
    "documents": {
        "BACKEND": "catacloud.durable_storage.DurableFileSystemStorage",
        "OPTIONS": {"location": DOCUMENT_ROOT, "directory_permissions_mode": 0o700},
    },
}
if BLOB_STORE:
    STORAGES["blobs"] = storage(BLOB_STORE, setting="BLOB_STORE")
if ARCHIVE_STORE:
    STORAGES["archive"] = storage(ARCHIVE_STORE, setting="ARCHIVE_STORE")

if DOCUMENT_STORE:
    STORAGES["documents"] = storage(DOCUMENT_STORE, setting="DOCUMENT_STORE")

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
