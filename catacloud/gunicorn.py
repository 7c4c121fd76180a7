"""How gunicorn serves the site: gunicorn --config python:catacloud.gunicorn catacloud.wsgi."""

# A slow upload keeps a thread, and must not keep the pages from others.
worker_class = "gthread"
workers = 2
threads = 16
# A final upload names its parts in one header: MAX_CONCAT_PARTS addresses of up to 250 bytes.
limit_request_field_size = 256_000
# Whether a proxy is believed, and which of its headers, is said in Django's settings alone.
secure_scheme_headers: dict[str, str] = {}
