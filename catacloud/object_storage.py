"""The address of a bucket as Django's setting for a storage."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured


def storage(url: str, *, setting: str) -> dict[str, Any]:
    """Return the entry of STORAGES for what a setting says. Raises ImproperlyConfigured."""
    try:
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": _options(url)}
    except ValueError as exc:
        raise ImproperlyConfigured(
            f"{setting} is wrong: leave it out for the disk, or set it to s3://bucket/prefix, with "
            "?endpoint=https://…&region=… where it is not Amazon's. Keys do not belong into it."
        ) from exc


def _options(url: str) -> dict[str, Any]:
    address = urlsplit(url)
    query = dict(parse_qsl(address.query, strict_parsing=True)) if address.query else {}
    endpoint, region = query.pop("endpoint", None), query.pop("region", None)
    plain = (address.scheme, address.netloc) == ("s3", address.hostname)
    if not plain or query or address.fragment:
        raise ValueError(url)
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise ValueError(endpoint)
    return {
        "bucket_name": address.netloc,
        "location": address.path.strip("/"),
        "endpoint_url": endpoint,
        "region_name": region,
        "client_config": _patience(),
    }


def _patience() -> Any:
    """Give a bucket that is away up in half a minute: boto's own limits are minutes."""
    from botocore.config import Config  # large, and an installation on disk does without

    return Config(connect_timeout=3, read_timeout=30, retries={"mode": "standard"})
