"""Where Lago's clients find us: their own ``api/v1/`` is under ``/lago/``."""

from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from billing.lago.api import api
from billing.lago.errors import not_served

nothing = csrf_exempt(not_served)

urlpatterns = [
    # These are no transactions, of which one could ask for the event.
    re_path(r"^api/v1/(?P<rest>events/(?:batch_)?estimate_\w+)$", nothing),
    path("api/v1/", api.urls),
    re_path(r"^(?P<rest>.*)$", nothing),
]
