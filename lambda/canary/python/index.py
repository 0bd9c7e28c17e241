"""CloudWatch Synthetics canary: asks the platform what a viewer asks, and fails when the answer is wrong.

Variables: CANARY_URL (the site, or a region's own origin), CANARY_REGIONS (comma-separated; whoever answers
must be one of them). It runs without AWS too: `python index.py URL [REGION ...]`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from typing import Any

TIMEOUT_SECONDS = 10

#: Slower than this is as good as no answer: a viewer would have left.
SLOWEST_SECONDS = 5.0


class CanaryFailedError(Exception):
    """The platform answered wrongly, late, or not at all; Synthetics counts the run as failed."""


def handler(_event: Any, _context: Any) -> str:
    """Entry point of Synthetics: returns when all is well."""
    regions = [region for region in os.environ.get("CANARY_REGIONS", "").split(",") if region]
    return check(os.environ["CANARY_URL"], regions)


def check(site: str, regions: list[str]) -> str:
    """Liveness, then what the platform says of itself; returns the region that answered.

    Raises:
        CanaryFailedError: names the path and what was wrong with its answer.
    """
    base = site.rstrip("/")
    get(f"{base}/health")
    region, body = get(f"{base}/api/status/services")
    if body.get("status") not in {"healthy", "ok", "degraded"}:
        raise CanaryFailedError(f"/api/status/services says {body.get('status')!r}")
    if regions and region not in regions:
        raise CanaryFailedError(f"answered by {region or 'nobody that names itself'}, not by {regions}")
    return region


def get(url: str) -> tuple[str, dict[str, Any]]:
    """The region that answered and the JSON that it gave."""
    path = "/" + url.split("/", maxsplit=3)[3]
    request = urllib.request.Request(url, headers={"user-agent": "richesreach-canary"})  # noqa: S310
    started = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            region, raw = answer.headers.get("x-richesreach-region") or "", answer.read()
    except urllib.error.HTTPError as error:
        raise CanaryFailedError(f"{path} answered {error.code}") from None
    except OSError as error:
        raise CanaryFailedError(f"{path} did not answer: {error}") from None
    took = time.monotonic() - started
    if took > SLOWEST_SECONDS:
        raise CanaryFailedError(f"{path} took {took:.1f} s")
    try:
        body = json.loads(raw)
    except ValueError:
        raise CanaryFailedError(f"{path} answered with something that is no JSON") from None
    if not isinstance(body, dict):
        raise CanaryFailedError(f"{path} answered with no object")
    return region, body


if __name__ == "__main__":
    print(check(sys.argv[1], sys.argv[2:]))  # noqa: T201
