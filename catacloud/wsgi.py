import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from catacloud import heap

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "catacloud.settings")

heap.share_arena()
with heap.loading():
    application = get_wsgi_application()
    import_module(settings.ROOT_URLCONF)  # or each worker loads its pages at the first request
