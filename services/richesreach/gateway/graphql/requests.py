"""What a GraphQL request says, over HTTP or a WebSocket."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers

from richesreach.gateway.graphql.errors import RequestError

_HASH = re.compile(r"[0-9a-f]{64}")
# Of a query string; CloudFront passes about as much.
_MAX_QUERY_STRING = 8 * 1024
_PARAMETERS = ("query", "operationName", "variables", "extensions")


class Body(msgspec.Struct):
    """As the specification of GraphQL over HTTP has it."""

    query: str | None = None
    operationName: str | None = None  # noqa: N815 (the specification's name)
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """`hash` is that of a persisted document; without `query` it is to be found under it."""

    query: str | None
    hash: str | None
    operation_name: str | None
    variables: dict[str, Any]


_DECODER = msgspec.json.Decoder(Body)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


def of_body(headers: Headers, body: bytes) -> GraphQLRequest:
    """Raises RequestError."""
    kind, _, parameters = headers.get("content-type", "").lower().partition(";")
    if kind.strip() != "application/json" or ("charset" in parameters and "utf-8" not in parameters):
        message = "A request is a JSON object in UTF-8, sent as application/json."
        raise RequestError(415, "UNSUPPORTED_MEDIA_TYPE", message)
    if body.lstrip()[:1] == b"[":
        raise RequestError(400, "BATCHING_OFF", "Send one request at a time: a list of them is refused.")
    try:
        return of_payload(_DECODER.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error) from error


def of_query_string(raw: bytes) -> GraphQLRequest:
    """Raises RequestError."""
    if len(raw) > _MAX_QUERY_STRING:
        raise RequestError(414, "URI_TOO_LONG", "The query string is too long: use POST.")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=16)
    except ValueError as error:
        raise malformed(error) from error
    given = dict(pairs)
    if len(given) != len(pairs):
        raise RequestError(400, "BAD_REQUEST", "A parameter of the query string was given twice.")
    texts = {name: given[name] for name in _PARAMETERS if name in given}
    try:
        objects = {
            name: _OBJECT.decode(texts.pop(name)) for name in ("variables", "extensions") if texts.get(name)
        }
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise malformed(error) from error
    return of_payload(
        Body(
            query=texts.get("query"),
            operationName=texts.get("operationName"),
            variables=objects.get("variables"),
            extensions=objects.get("extensions"),
        )
    )


def of_payload(body: Body) -> GraphQLRequest:
    """Raises RequestError."""
    digest = _persisted(body.extensions or {})
    if not body.query and digest is None:
        raise RequestError(400, "BAD_REQUEST", "There is no query.")
    return GraphQLRequest(body.query or None, digest, body.operationName or None, body.variables or {})


def malformed(error: Exception) -> RequestError:
    """What the parser says of a value may repeat it; of the form it is told."""
    told = f": {error}" if isinstance(error, msgspec.ValidationError) else ""
    return RequestError(400, "BAD_REQUEST", f"The request is not a valid GraphQL request in JSON{told}.")


def _persisted(extensions: dict[str, Any]) -> str | None:
    """The hash of automatic persisted queries, version 1. Raises RequestError."""
    found = extensions.get("persistedQuery")
    if found is None:
        return None
    digest = found.get("sha256Hash") if isinstance(found, dict) else None
    if not isinstance(digest, str) or not _HASH.fullmatch(digest) or found.get("version") != 1:
        message = "persistedQuery is {version: 1, sha256Hash: <64 hexadecimal digits>}."
        raise RequestError(400, "BAD_REQUEST", message)
    return digest
