"""Public answers that viewers and the edge may keep, and that are not sent again to those who have them."""

import hashlib

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response


def kept(request: Request, answer: BaseModel, seconds: int) -> Response:
    """200 with the answer, or 304 for a caller that shows its entity tag (RFC 9110, 13.1.2)."""
    body = answer.model_dump_json().encode()
    tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    headers = {"cache-control": f"public, max-age={seconds}", "etag": tag}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _has(shown: str, tag: str) -> bool:
    tags = {part.strip().removeprefix("W/") for part in shown.split(",")}
    return tag in tags or shown.strip() == "*"
