import os

from django.core.wsgi import get_wsgi_application

from catacloud import heap

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "catacloud.settings")

heap.share_arena()
application = get_wsgi_application()
heap.settle()
