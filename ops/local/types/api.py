"""A client for this server's own API, for resource types that are provisioned through it.

The handlers run on worker threads of the server's process and call it over the loopback, like any other
client: what a type creates is then exactly what the API would have created.
"""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.config import Config
from ministack.core.responses import get_region

_SESSION_LOCK = threading.Lock()


def endpoint() -> str:
    """The address that this server is bound to."""
    port = os.environ.get("GATEWAY_PORT") or os.environ.get("EDGE_PORT") or "4566"
    return f"http://{os.environ.get('BIND_HOST', '127.0.0.1')}:{port}"


def client(service: str, region: str | None = None) -> Any:
    """A botocore client of `service` in `region`, by default the region of the stack being deployed."""
    # The session is not thread-safe while it creates a client; a client is.
    with _SESSION_LOCK:
        return _client(service, region or get_region())


def call(service: str, operation: str, region: str | None = None, /, **arguments: Any) -> dict[str, Any]:
    """Calls an operation by its API name (`CreateGlobalCluster`) and returns the parsed answer."""
    api = client(service, region)
    method = {api_name: name for name, api_name in api.meta.method_to_api_mapping.items()}[operation]
    answer = getattr(api, method)(**arguments)
    return dict(answer)


@lru_cache(maxsize=1)
def _session() -> Any:
    session = botocore.session.Session()
    session.set_credentials("test", "test")
    return session


@lru_cache(maxsize=256)
def _client(service: str, region: str) -> Any:
    config = Config(
        # A failed call fails the resource; a retry would only hide why.
        retries={"total_max_attempts": 1},
        read_timeout=60,
        max_pool_connections=32,
        s3={"addressing_style": "path"},
    )
    return _session().create_client(service, region_name=region, endpoint_url=endpoint(), config=config)
