"""What /api/v1/openapi.json says: of ninja's endpoints, and of those that are none of ninja's."""

from typing import Any

from ninja import NinjaAPI

from billing.lago.api import api as lago
from billing.metering.inspecting import events_v2
from catacloud.problems import MEDIA_TYPE
from uploads import openapi as uploads

DESCRIPTION = """\
Send what organisations use, and read back what it adds up to.

A program sends its key with every request: `Authorization: Bearer cck_…`. A platform's key speaks
for every organisation; an organisation's key only for its own, and whatever is not its own does
not exist for it (404). Every error is [problem JSON](https://www.rfc-editor.org/rfc/rfc9457):
`detail` is one sentence that says what was wrong.
"""
TAGS = {
    "Usage": "Usage events, as CloudEvents 1.0. OpenMeter's clients work unchanged.",
    "Meters": "What is metered, and what it adds up to, in OpenMeter's shapes.",
    "Plans": "What services cost: the versions of price plans, to read.",
    "Costs": "What usage costs, to take away as FOCUS has it.",
    "Lago": "Usage in the shapes of Lago, whose clients work by the address `…/lago/`. What else "
    "Lago serves is a 501 here.",
    "Files": "The files of an organisation.",
    "Uploads": "Upload, resume, download and delete files by tus 1.0.0.",
}
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "What was wrong, and what to do. A problem may say more in further members.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence for people."},
        "errors": {
            "type": "array",
            "items": {"type": "object"},
            "description": "What is wrong with each field, or with each event of a batch.",
        },
    },
}
PROBLEM_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
REFUSALS = {
    "400": "The request is not valid; `errors` names each field that is wrong.",
    "401": "The key is missing or wrong.",
    "404": "There is nothing at this address, or nothing that this key may see.",
}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")


class DescribedAPI(NinjaAPI):
    """An API whose description is complete: uploads are in it, and every refusal."""

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        schema = super().get_openapi_schema(**kwargs)
        schema["components"]["schemas"]["Problem"] = PROBLEM
        schemes = schema["components"]["securitySchemes"]
        security: list[dict[str, list[str]]] = [{name: []} for name in schemes]
        schema["paths"] |= uploads.paths(security)
        second = events_v2.api.get_openapi_schema()
        schema["paths"] |= second["paths"]
        schema["components"]["schemas"] |= second["components"]["schemas"]
        for path, operations in schema["paths"].items():
            for method in METHODS:
                if operation := operations.get(method):
                    _add_refusals(path, method, operation)
        schema["paths"] |= _of_lago()
        return schema


def _of_lago() -> dict[str, Any]:
    paths: dict[str, Any] = lago.get_openapi_schema()["paths"]
    for operations in paths.values():
        for operation in operations.values():
            operation["tags"] = ["Lago"]
    return paths


def _names_an_organisation(operation: dict[str, Any]) -> bool:
    return any(one["name"] == "organisation" for one in operation.get("parameters", ()))


def _add_refusals(path: str, method: str, operation: dict[str, Any]) -> None:
    """Name what any endpoint of its kind may refuse, and give refusals their one shape."""
    responses = {str(status): said for status, said in operation["responses"].items()}
    possible = {
        "400": bool(operation.get("parameters") or operation.get("requestBody")),
        "401": bool(operation.get("security")),
        "404": "{" in path or _names_an_organisation(operation),
    }
    for status, is_possible in possible.items():
        if is_possible:
            responses.setdefault(status, {"description": REFUSALS[status]})
    for status, said in responses.items():
        if status >= "400" and method != "head":
            said.setdefault("content", PROBLEM_CONTENT)
    operation["responses"] = dict(sorted(responses.items()))
