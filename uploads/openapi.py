"""What OpenAPI says of the tus endpoints, which are no part of ninja's API. Pure.

The protocol itself is https://tus.io/protocols/resumable-upload; here stands what this server takes
and answers.
"""

from typing import Any

from uploads import protocol

Described = dict[str, Any]
Headers = dict[str, tuple[str, Described]]  # what each means, and its schema

COLLECTION = "/files/{organisation}/"
UPLOAD = "/files/{organisation}/{upload_id}"

NUMBER = {"type": "integer", "minimum": 0, "maximum": protocol.MAX_LENGTH}
SIZE = {"type": "string", "pattern": "^[0-9]{1,18}$"}
BYTES = {protocol.CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}}


def _parameter(name: str, place: str, text: str, schema: Described, required: bool) -> Described:
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": text,
        "schema": schema,
    }


def _header(name: str, text: str, schema: Described, *, required: bool = False) -> Described:
    return _parameter(name, "header", text, schema, required)


ORGANISATION = _parameter(
    "organisation",
    "path",
    "The organisation's slug.",
    {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$", "minLength": 1},
    True,
)
UPLOAD_ID = _parameter(
    "upload_id", "path", "The upload's id.", {"type": "string", "format": "uuid"}, True
)
RESUMABLE = _header(
    "Tus-Resumable", "The protocol's version.", {"const": protocol.VERSION}, required=True
)
CHECKSUM = _header(
    "Upload-Checksum",
    f"What the body must have: {' or '.join(protocol.ALGORITHMS)}, a space, the digest in Base64. "
    "Where it has not, nothing of it is kept.",
    {"type": "string"},
)
CREATION_HEADERS = [
    _header("Upload-Length", "Bytes of the whole upload.", SIZE),
    _header("Upload-Defer-Length", "Instead: the length comes later.", {"const": "1"}),
    _header(
        "Upload-Metadata",
        "Pairs by commas: a key, a space, the value in Base64. `filename` and `filetype` count.",
        {"type": "string", "examples": ["filename cmVwb3J0LnBkZg=="]},
    ),
    _header(
        "Upload-Concat",
        "`partial` for a part of a file, or `final;` and the addresses of its parts, by spaces.",
        {"type": "string", "pattern": "^(partial|final;.+)$"},
    ),
    CHECKSUM,
]

LOCATION: Headers = {"Location": ("Where the upload is.", {"type": "string", "format": "uri"})}
OFFSET: Headers = {"Upload-Offset": ("How many bytes are kept.", NUMBER)}
EXPIRES: Headers = {
    "Upload-Expires": ("When it is given up, if nobody goes on.", {"type": "string"})
}
ABOUT_SERVER: Headers = {
    "Tus-Version": ("The versions spoken here.", {"type": "string"}),
    "Tus-Extension": ("The extensions.", {"type": "string"}),
    "Tus-Max-Size": ("Bytes of the largest upload.", NUMBER),
    "Tus-Checksum-Algorithm": ("For Upload-Checksum.", {"type": "string"}),
}
ABOUT_UPLOAD: Headers = {
    **OFFSET,
    "Upload-Length": ("Bytes of the whole upload, once they are known.", NUMBER),
    "Upload-Defer-Length": ("1 as long as they are not.", {"type": "string"}),
    "Upload-Metadata": ("As it was sent.", {"type": "string"}),
    "Upload-Concat": ("As it was sent.", {"type": "string"}),
    **EXPIRES,
}

REFUSALS = {
    400: "A header is missing or wrong, or the body broke off before its checksum was known.",
    402: "The organisation's budget is used up, and it chose to take nothing new then.",
    403: "A final upload takes no bytes; or a signed-in person's CSRF token is missing.",
    404: "There is no such organisation or upload that this key may see.",
    409: "The upload is at another offset, or is not in a state for this.",
    410: "The upload was deleted, or given up.",
    412: "The protocol's version is missing or another one.",
    413: "The upload is too large, or there is no room left for it.",
    415: f"The body is not {protocol.CONTENT_TYPE}.",
    protocol.CHECKSUM_MISMATCH: "The bytes do not have the checksum; nothing of them was kept.",
    503: "The body broke off, or the store is away. What had arrived is kept: ask with HEAD.",
}


def _answer(text: str, headers: Headers) -> Described:
    described = {
        name: {"description": meaning, "schema": schema}
        for name, (meaning, schema) in headers.items()
    }
    return {"description": text, "headers": described}


def _refusals(*statuses: int) -> Described:
    return {str(status): {"description": REFUSALS[status]} for status in statuses}


def paths(security: list[Described]) -> Described:
    """Return the paths; refusals get the shape of a problem from whoever puts them together."""
    return {
        COLLECTION: {
            "parameters": [ORGANISATION],
            "options": _options("say-what-uploads-can-be"),
            "post": _create() | {"security": security},
        },
        UPLOAD: {
            "parameters": [ORGANISATION, UPLOAD_ID],
            "options": _options("say-what-an-upload-can-be"),
            "head": _head() | {"security": security},
            "patch": _patch() | {"security": security},
            "delete": _delete() | {"security": security},
            "get": _download() | {"security": security},
        },
    }


def _operation(name: str, summary: str, text: str, **rest: Any) -> Described:
    named = {"operationId": name, "summary": summary, "description": text, "tags": ["Uploads"]}
    return named | rest


def _options(name: str) -> Described:
    return _operation(
        name,
        "Say what uploads can be",
        "Needs no key.",
        responses={"200": _answer("What this server can do.", ABOUT_SERVER)},
    )


def _create() -> Described:
    return _operation(
        "create-upload",
        "Create an upload",
        "With a body, its bytes are the first of the upload. A file of parts is made by "
        "`Upload-Concat`, without copying a byte.",
        parameters=[RESUMABLE, *CREATION_HEADERS],
        requestBody={"required": False, "content": BYTES},
        responses={
            "201": _answer("The upload stands.", LOCATION | OFFSET | EXPIRES),
            **_refusals(400, 402, 403, 404, 409, 412, 413, protocol.CHECKSUM_MISMATCH, 503),
        },
    )


def _head() -> Described:
    return _operation(
        "show-upload",
        "Say how far an upload is",
        "Its refusals have no body, as for any HEAD.",
        responses={
            "200": _answer("How far it is.", ABOUT_UPLOAD),
            **_refusals(404, 410),
        },
    )


def _patch() -> Described:
    return _operation(
        "continue-upload",
        "Send the next bytes",
        "From `Upload-Offset` on, which is where the upload is. With all of its bytes the upload "
        "is a file.",
        parameters=[
            RESUMABLE,
            _header("Upload-Offset", "Where these bytes begin.", SIZE, required=True),
            _header("Upload-Length", "Of an upload whose length was deferred.", SIZE),
            CHECKSUM,
        ],
        requestBody={"required": True, "content": BYTES},
        responses={
            "204": _answer("They are kept.", OFFSET | EXPIRES),
            **_refusals(400, 403, 404, 409, 410, 412, 413, 415, protocol.CHECKSUM_MISMATCH, 503),
        },
    )


def _delete() -> Described:
    return _operation(
        "delete-upload",
        "Delete an upload or a file",
        "Deleted bytes are stored, and billed, no more.",
        parameters=[RESUMABLE],
        responses={"204": {"description": "It is deleted."}, **_refusals(404, 409, 410, 412, 503)},
    )


def _download() -> Described:
    content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    return _operation(
        "download-file",
        "Download a file",
        "Whole, or what of it a `Range` asks for.",
        parameters=[_header("Range", "Such as `bytes=0-99`.", {"type": "string"})],
        responses={
            "200": {"description": "The file.", "content": content},
            "206": {"description": "The bytes asked for.", "content": content},
            "304": {"description": "The client has it already."},
            "416": {"description": "The file ends before the range."},
            **_refusals(404, 409, 410, 412, 503),
        },
    )
