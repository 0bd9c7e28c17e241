"""Buckets as origins: where the local AWS serves them, and what of its answers S3 would not send."""

import re
from urllib.parse import urlsplit

from ops.local.aws import endpoint
from ops.local.edge.answer import Answer
from ops.local.edge.forward import UpstreamError
from ops.local.edge.origin import Origin
from ops.local.edge.origin_request import OriginRequest
from ops.local.edge.zones import Endpoint

_DOMAIN = re.compile(r"(?P<bucket>.+)\.s3(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com")

NOT_OF_S3 = ("access-control-", "x-amzn-")
"""Headers that the local AWS puts on every answer; S3 sends CORS headers only where the bucket says so."""


def bucket_of(domain: str) -> tuple[str, str]:
    """Bucket and region (us-east-1 where the name has none). Raises UpstreamError for another name."""
    found = _DOMAIN.fullmatch(domain)
    if found is None:
        raise UpstreamError(
            502, f"{domain} is not the domain name of a bucket: <bucket>.s3.<region>.amazonaws.com"
        )
    return found["bucket"], found["region"] or "us-east-1"


def locate(origin: Origin) -> Endpoint:
    """The local AWS, with the bucket as the first part of the path."""
    bucket, region = bucket_of(origin.domain)
    if not origin.access:
        reason = f"the distribution may not read {bucket}: its origin has no origin access control"
        raise UpstreamError(403, reason)
    place = urlsplit(endpoint())
    return Endpoint(str(place.hostname), region, place.port or 80, f"/{bucket}")


def prepare(request: OriginRequest) -> None:
    """Ask by path: with the bucket in Host the local AWS would look for it twice."""
    request.headers["Host"] = urlsplit(endpoint()).netloc
    for name in ("Cookie", "Authorization"):
        request.headers.popall(name, None)


def adapt(origin: Origin, answer: Answer) -> None:
    """The answer as S3 gives it: who may not list the bucket is not told that a key is missing."""
    for name in list(answer.headers):
        if name.lower().startswith(NOT_OF_S3):
            answer.headers.popall(name, None)
    answer.headers["Server"] = "AmazonS3"
    if answer.status == 404 and not origin.lists:
        answer.status, answer.reason = 403, "Forbidden"
