"""An address that names nothing is answered as such, whatever stands in its place."""

from uuid import UUID

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

NOTHING = {"uuid": UUID(int=7), "int": 2**63, "string": "no such\x00", "path": "name"}


def patterns(resolver, namespace=""):
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one, f"{one.namespace}:" if one.namespace else namespace)
        elif isinstance(one, URLPattern) and one.name and one.pattern.converters:
            yield f"{namespace}{one.name}", one.pattern.converters


def addresses():
    """Every named address with parts, with what is nowhere, or only its organisation."""
    for name, parts in patterns(get_resolver()):
        nowhere = {part: NOTHING.get(kind_of(of), "no-such") for part, of in parts.items()}
        yield name, nowhere
        if "slug" in nowhere and len(nowhere) > 1:
            yield name, nowhere | {"slug": "acme"}


def kind_of(converter):
    return type(converter).__name__.removesuffix("Converter").lower()


def named(case):
    return case[0]


@pytest.mark.parametrize("case", [*addresses()], ids=named)
def test_what_is_nowhere_is_not_found(as_user, operator, acme, case):
    client = as_user(operator)
    name, parts = case
    for ask in (client.get, client.post):
        assert 300 <= ask(reverse(name, kwargs=parts)).status_code < 500
