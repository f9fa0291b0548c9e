"""All settings, read from the environment once; README.md has the table of variables.

Three situations, told apart here and nowhere else: *given* services (`DATABASE_URL` and `REDIS_URL` set),
*embedded* ones (addresses in `var/services.json`, written by the supervisor), and *production* (a given
database and `DEBUG` off), where every secret must be given too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from currents_admin import env, env_mail, env_redis, env_urls, local, log_lines, oidc, safety
from currents_admin.postgresql import connecting
from currents_admin.telemetry import start as telemetry

BASE_DIR = Path(__file__).resolve().parent.parent

SERVICES = local.Services.read()
RUNS_AS = DATABASE_URL = env.text("DATABASE_URL") or SERVICES.runs_as_url or SERVICES.database_url
if env.flag(local.AS_OWNER):
    DATABASE_URL = env.text("DATABASE_OWNER_URL") or env.text("DATABASE_URL") or SERVICES.database_url
REDIS_URL, CELERY_BROKER_URL = env_redis.redis(
    "REDIS_URL", env.text("REDIS_URL") or SERVICES.redis_url or local.NO_BROKER
)
DEBUG = env.flag("DEBUG")
PRODUCTION = bool(env.text("DATABASE_URL")) and not DEBUG

SECRET_KEY = local.secret("SECRET_KEY", required=PRODUCTION)
WRITE_KEY_ENCRYPTION_KEYS = local.key_list("WRITE_KEY_ENCRYPTION_KEYS", required=PRODUCTION)
ALLOWED_HOSTS = env_urls.hosts("ALLOWED_HOSTS")
if PRODUCTION and not ALLOWED_HOSTS:
    raise env.BadEnvironment("ALLOWED_HOSTS must name the hosts people use, such as currents.example.com.")
ALLOWED_HOSTS = ALLOWED_HOSTS or ["127.0.0.1", "localhost", "[::1]"]

PORT = env.whole("PORT", 8000, least=1, most=65535)
SITE_URL = env_urls.site("SITE_URL", f"http://127.0.0.1:{PORT}")
if PRODUCTION:
    safety.check(SECRET_KEY, ALLOWED_HOSTS)
SECURE = SITE_URL.startswith("https://")
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.choice("LOG_FORMAT", log_lines.READABLE, log_lines.FORMS)

SEGMENT_URLS = {
    "us": env_urls.web("SEGMENT_US_URL", SERVICES.sandbox_url or "https://api.segment.io"),
    "eu": env_urls.web("SEGMENT_EU_URL", SERVICES.sandbox_url or "https://events.eu1.segmentapis.com"),
}
env_urls.check_proxies()
CURRENTS_EXPIRY_HOURS = env.number("CURRENTS_EXPIRY_HOURS", 48, least=0.001, most=24 * 365)
CURRENTS_RETENTION_HOURS = env.number("CURRENTS_RETENTION_HOURS", 168, least=0.001, most=24 * 3650)
if CURRENTS_RETENTION_HOURS < CURRENTS_EXPIRY_HOURS + 24:
    raise env.BadEnvironment(
        "CURRENTS_RETENTION_HOURS must be at least CURRENTS_EXPIRY_HOURS plus 24, "
        f"so {CURRENTS_EXPIRY_HOURS + 24:g} or more."
    )
CURRENTS_LEASE_SECONDS = env.number("CURRENTS_LEASE_SECONDS", 15, least=2, most=300)
CURRENTS_INTAKE_RATE = env.number("CURRENTS_INTAKE_RATE", 0, least=0, most=1e9)
CURRENTS_WEBHOOK_NETWORKS = env.networks("CURRENTS_WEBHOOK_NETWORKS", here=not PRODUCTION)
# Folders of the server that workspaces may follow; none unless named.
CURRENTS_SOURCE_FOLDERS = env.folders("CURRENTS_SOURCE_FOLDERS")
# Stores of one's own (S3-compatible and others) that workspaces may follow; the providers' own need no line.
CURRENTS_SOURCE_ENDPOINTS = env_urls.webs("CURRENTS_SOURCE_ENDPOINTS")
METRICS_TOKEN = env.line("METRICS_TOKEN")
CURRENTS_TRUSTED_PROXIES = env.whole("CURRENTS_TRUSTED_PROXIES", 0, least=0, most=9)

# --- Django -------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "currents_admin",
    "connectors",
    "exporter",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials.apps.SimpleAppConfig",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]
MIDDLEWARE = [
    "exporter.api.host_check.refuse",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "connectors.web.compressed.html_compressed",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "connectors.web.private_answers.kept_by_nobody",
    "connectors.sign_in.session_rights.bound_in_time",
    "connectors.web.language.in_language",
    "connectors.web.time_zone.in_zone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "currents_admin.urls"
WSGI_APPLICATION = "currents_admin.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [local.FILES / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "connectors.web.context.shell",
                "exporter.views.banner.surroundings",
            ],
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": ["template_partials.templatetags.partials"],
        },
    }
]
DATABASES = {
    "default": connecting.database(
        env_urls.database("DATABASE_URL", DATABASE_URL or local.NO_DATABASE),
        prepared=env.flag("CURRENTS_PREPARED_STATEMENTS", default=True),
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "connectors.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
_VALIDATION = "django.contrib.auth.password_validation."
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": _VALIDATION + "UserAttributeSimilarityValidator"},
    {"NAME": _VALIDATION + "MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "connectors.sign_in.password_strength.NotEasilyGuessed"},
]
ACCOUNT_ADAPTER = "connectors.sign_in.account_adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
# Guesses are slowed down by `connectors.sign_in.tries`; these bound what even right answers cost.
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "provider": "60/m/ip",
    "login_failed": "5/300s/key",
    "reset_password": "20/m/ip,5/h/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
}
PASSWORD_RESET_TIMEOUT = 3600
MFA_ADAPTER = "connectors.sign_in.second_factors.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE
MFA_TOTP_ISSUER = "Currents Admin"
# People arrive by invitation, and the mail has proved their address.
MFA_ALLOW_UNVERIFIED_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"

LANGUAGE_CODE = "en"
# Each in its own words, as people look for it. One is offered once every message of its catalogue is translated.
LANGUAGES = [
    ("en", "English"),
    ("fr", "français"),
    ("pt-br", "português (Brasil)"),
    ("es", "español"),
    ("ja", "日本語"),
    ("de", "Deutsch"),
]
LOCALE_PATHS = [local.FILES / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
# Files are served from `static/` itself unless there is a folder for built ones. The container image makes
# it, then runs `collectstatic`.
_BUILT = (local.HOME / "static-built", local.folder() / "static")
STATIC_ROOT = next((folder for folder in _BUILT if folder.exists()), None)
STATICFILES_DIRS = [local.FILES / "static"]
# As the umask says, not 0644: below `var/` everything is its owner's alone.
FILE_UPLOAD_PERMISSIONS = None
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "currents_admin.static_files.ModuleStorage"
        if STATIC_ROOT
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- Sign-in at an OpenID Connect provider, where one is given -----------------------------------------------
OIDC = oidc.from_environment()
if OIDC is not None:
    INSTALLED_APPS += ["allauth.socialaccount", "allauth.socialaccount.providers.openid_connect"]
    SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [OIDC.as_app()], "OAUTH_PKCE_ENABLED": True}}
    SOCIALACCOUNT_ADAPTER = "connectors.sign_in.oidc_adapter.OidcAdapter"
    SOCIALACCOUNT_STORE_TOKENS = False

# --- Safety -------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, OIDC.origin] if OIDC else [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SESSION_ENGINE = "connectors.sign_in.session_store"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_AGE = int(86400 * env.number("CURRENTS_SESSION_DAYS", 14, least=0.01, most=365))
SESSION_IDLE_SECONDS = int(3600 * env.number("CURRENTS_SESSION_IDLE_HOURS", 12, least=0.1, most=24 * 365))
OWNERS_NEED_SECOND_FACTOR = env.flag("CURRENTS_OWNERS_NEED_SECOND_FACTOR")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Forms are small; events come through the intake, which bounds its bodies itself.
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 0
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
# Browsers' lists are hard to leave again, so nobody is put on them who did not ask.
SECURE_HSTS_PRELOAD = SECURE and env.flag("CURRENTS_HSTS_PRELOAD")
SILENCED_SYSTEM_CHECKS = [] if SECURE_HSTS_PRELOAD else ["security.W021"]
SECURE_SSL_REDIRECT = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
X_FRAME_OPTIONS = "DENY"
DEFAULT_EXCEPTION_REPORTER_FILTER = "currents_admin.error_reports.NoValues"
CACHES = {"default": {"BACKEND": "connectors.sign_in.marks.MarkCache"}}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- Mail ---------------------------------------------------------------------------------------------------
_mail = env_mail.mail("EMAIL_URL", f"file://{local.folder() / 'mail'}")
globals().update(_mail)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env_mail.sender("DEFAULT_FROM_EMAIL", "Currents Admin <currents@localhost>")

# --- Celery: a message is a wake-up; all state is in PostgreSQL ---------------------------------------------
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = 16
CELERY_WORKER_CONSUMER = "currents_admin.broker:PatientConsumer"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "socket_keepalive_options": local.NO_HALF_OPEN,
    # Lets several installations, or a test run, share one Redis without receiving each other's messages.
    "global_keyprefix": env.line("REDIS_KEY_PREFIX"),
}
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_DEFAULT_QUEUE = "delivery"
CELERY_TASK_ROUTES = {
    "exporter.tasks.wake": {"queue": "delivery"},
    "exporter.tasks.deliver": {"queue": "delivery"},
    "exporter.tasks.retry": {"queue": "retry"},
    "connectors.tasks.*": {"queue": "chores"},
    "exporter.tasks.*": {"queue": "chores"},
}
CELERY_BEAT_SCHEDULER = "currents_admin.broker:MemoryScheduler"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "exporter.tasks.sweep", "schedule": 2.0},
    "expire": {"task": "exporter.tasks.expire", "schedule": 30.0},
    "fields": {"task": "exporter.tasks.look_at_fields", "schedule": 60.0},
    "incidents": {"task": "exporter.tasks.look_for_incidents", "schedule": 30.0},
    "mail": {"task": "exporter.tasks.send_mail", "schedule": 15.0},
    "webhooks": {"task": "exporter.tasks.post_to_webhooks", "schedule": 15.0},
    "go_on": {"task": "exporter.tasks.go_on", "schedule": 5.0},
    "trim": {"task": "exporter.tasks.trim", "schedule": 60.0},
    "roll_up": {"task": "exporter.tasks.roll_up", "schedule": 600.0},
    "clean": {"task": "exporter.tasks.clean", "schedule": 600.0},
    "destroy_keys": {"task": "connectors.tasks.destroy_old_keys", "schedule": 300.0},
    "remind": {"task": "connectors.tasks.remind_of_keys", "schedule": 900.0},
    "purge_sign_in": {"task": "connectors.tasks.purge_sign_in", "schedule": 600.0},
}
CELERY_TIMEZONE = "UTC"

LOGGING = log_lines.settings(LOG_LEVEL, LOG_FORMAT, debug=DEBUG)
telemetry.start()
