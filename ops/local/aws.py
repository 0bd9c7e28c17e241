"""Clients of the local AWS.

Credentials are fixed and worthless, and given explicitly, so that a developer's own profile or environment is
never used: nothing that goes through this module can reach a real account.
"""

import os
import threading
from typing import Any

import boto3
from botocore.config import Config

ACCOUNT = "000000000000"
ACCESS_KEY = "test"
SECRET_KEY = "test"  # noqa: S105 - the local AWS accepts any
DEFAULT_AWS_PORT = 4566
DEFAULT_EDGE_PORT = 8080

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=30,
    retries={"total_max_attempts": 2, "mode": "standard"},
    proxies={},
    s3={"addressing_style": "path"},
)
_session = boto3.session.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY)
_clients: dict[tuple[str, str, str], Any] = {}
_lock = threading.Lock()


def aws_port() -> int:
    """Port of the local AWS (RICHESREACH_AWS_PORT)."""
    return int(os.environ.get("RICHESREACH_AWS_PORT") or DEFAULT_AWS_PORT)


def edge_port() -> int:
    """Port of the local CloudFront (RICHESREACH_EDGE_PORT)."""
    return int(os.environ.get("RICHESREACH_EDGE_PORT") or DEFAULT_EDGE_PORT)


def endpoint() -> str:
    """URL of the local AWS, without a trailing slash."""
    return f"http://127.0.0.1:{aws_port()}"


def client(service: str, region: str) -> Any:
    """A boto3 client of `service` in `region` of the local AWS.

    Made once per service, region and endpoint: threads may share a client, and making one is slow.
    """
    url = endpoint()
    key = (service, region, url)
    with _lock:
        if key not in _clients:
            _clients[key] = _session.client(
                service, region_name=region, endpoint_url=url, config=_CONFIG, verify=True
            )
        return _clients[key]
