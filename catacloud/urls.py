"""Every address of the site: one of the two modules that know every app."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from billing.metering.inspecting import events_v2
from catacloud.accounts.language import choose_language
from catacloud.api import api
from catacloud.monitoring import metrics

urlpatterns = [
    path("", include("billing.urls")),
    path("login/", LoginView.as_view(template_name="accounts/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("language/", choose_language, name="choose-language"),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("api/v2/", events_v2.api.urls),
    path("lago/", include("billing.lago.urls")),
    path("metrics", metrics, name="metrics"),
    path("", include("uploads.urls")),
    path("", include("catacloud.org_settings.urls")),
]

handler400 = "catacloud.problems.bad_request"
