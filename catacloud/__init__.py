"""The project: settings, URLs, the Celery app, the demo and the embedded servers."""
