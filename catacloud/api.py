"""The public API for programs. Every error is RFC 9457 problem JSON."""

from ninja.openapi.docs import Swagger

from billing.exports.api import router as costs
from billing.metering.api import router as usage
from billing.metering.querying.query_api import router as queries
from billing.metering.services.meters_api import router as meters
from billing.pricing.api import router as plans
from catacloud import problems
from catacloud.accounts.api_keys import ApiKeyAuth
from catacloud.json_bodies import ObjectParser
from catacloud.openapi import DESCRIPTION, TAGS, DescribedAPI
from uploads.api import router as files

api = DescribedAPI(
    title="Catacloud",
    version="1",
    description=DESCRIPTION,
    auth=ApiKeyAuth(),
    parser=ObjectParser(),
    docs_url="docs",
    docs=Swagger(settings={"defaultModelsExpandDepth": -1, "persistAuthorization": False}),
    openapi_extra={"tags": [{"name": name, "description": text} for name, text in TAGS.items()]},
)
api.add_router("", usage, tags=["Usage"])
api.add_router("", meters, tags=["Meters"])
api.add_router("", queries, tags=["Meters"])
api.add_router("", plans, tags=["Plans"])
api.add_router("", costs, tags=["Costs"])
api.add_router("", files, tags=["Files"])
problems.register(api)
