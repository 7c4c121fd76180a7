"""How the API for programs reads bodies of JSON."""

from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from catacloud.problems import Problem


class ObjectParser(Parser):
    """Reads bodies of JSON. Each that is asked for is an object; ninja takes any other for {}."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        body: object = super().parse_body(request)
        if not isinstance(body, dict):
            raise Problem(400, "The body has to be a JSON object, such as {}.")
        return body
