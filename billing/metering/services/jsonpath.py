"""JSONPath, as far as it names one field: to and from the paths of definitions. Pure."""

import re

from django.utils.translation import gettext

STEP = re.compile(r"""\.([^.\s\[\]'"\0]+)|\[(\d+)\]|\['([^'.\s\0]+)'\]|\["([^".\s\0]+)"\]""")


class NotAField(Exception):
    """The JSONPath names no single field, or one whose name holds a dot or a space."""

    def __init__(self, path: str) -> None:
        said = gettext(
            "{path} names no single field of an event's data: write it such as $.usage.bytes."
        )
        super().__init__(said.format(path=repr(path)))


def path_of(jsonpath: str) -> str:
    """Return ``usage.bytes`` for ``$.usage.bytes`` or ``$['usage']['bytes']``. Raises NotAField."""
    steps, at = [], 1
    while jsonpath.startswith("$") and (step := STEP.match(jsonpath, at)):
        steps.append(next(name for name in step.groups() if name is not None))
        at = step.end()
    if not steps or at != len(jsonpath):
        raise NotAField(jsonpath)
    return ".".join(steps)


def jsonpath_of(path: str) -> str:
    return f"$.{path}"
