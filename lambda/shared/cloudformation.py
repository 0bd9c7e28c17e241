"""How a custom resource's function answers CloudFormation.

Linked into the folder of each such function, and packaged with it. Protocol: "Custom resource request and
response", AWS CloudFormation user guide.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

#: CloudFormation refuses an answer beyond 4096 bytes; the rest of it is ids.
MAX_REASON_BYTES = 2_000

Act = Callable[[], dict[str, str] | None]


def answer(event: dict[str, Any], act: Act, physical_id: str = "") -> None:
    """Does what was asked and tells CloudFormation how it went, whatever happens.

    ``act`` returns the resource's attributes, or None where it has none. Without ``physical_id`` the resource
    keeps the id that it has, and a new one is named after its stack.
    """
    physical_id = (
        physical_id or event.get("PhysicalResourceId") or f"{event['StackId']}/{event['LogicalResourceId']}"
    )
    outcome: dict[str, Any] = {"Status": "SUCCESS", "Reason": "done"}
    try:
        outcome["Data"] = act() or {}
    except Exception as error:
        reason = (str(error) or type(error).__name__).encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        outcome = {"Status": "FAILED", "Reason": reason}
    ids = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    _put(event["ResponseURL"], {**outcome, **ids, "PhysicalResourceId": physical_id})


def _put(url: str, body: dict[str, Any]) -> None:
    """PUTs to the pre-signed URL, which is signed without a content type."""
    request = urllib.request.Request(  # noqa: S310  (the URL is CloudFormation's)
        url, data=json.dumps(body, ensure_ascii=False).encode(), method="PUT", headers={"content-type": ""}
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass
