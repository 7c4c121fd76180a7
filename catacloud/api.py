"""The public API for programs. Every error is RFC 9457 problem JSON."""

from ninja import NinjaAPI

from billing.metering.api import router as usage
from catacloud import problems
from catacloud.accounts.api_keys import ApiKeyAuth
from uploads.api import router as files

api = NinjaAPI(title="Catacloud", version="1", auth=ApiKeyAuth(), docs_url="docs")
api.add_router("", usage, tags=["Usage"])
api.add_router("", files, tags=["Files"])
problems.register(api)
