"""How librdkafka reaches the brokers: what every producer and consumer has in common."""

import logging
from collections.abc import Mapping
from typing import Any

from richesreach.core.endpoints import StreamAddress
from richesreach.core.events.iam import TokenSource

# Its lines come with a level and a facility; the service's own formatter makes JSON of them.
_LOGGER = logging.getLogger("librdkafka")


def connection(address: StreamAddress, *, client: str, region: str) -> dict[str, Any]:
    """The settings of a client named `client`, which brokers show in their own logs and quotas."""
    return {
        "bootstrap.servers": ",".join(map(str, address.servers)),
        "client.id": client,
        "logger": _LOGGER,
        # Brokers that are gone are asked again soon, but not by all tasks of a region in the same instant.
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 3000,
        "socket.keepalive.enable": True,
        # A load balancer or a replaced broker may swallow packets without a word.
        "socket.timeout.ms": 10_000,
        "topic.metadata.refresh.interval.ms": 60_000,
        # One line for each broker that a rolling upgrade restarts would say nothing.
        "log.connection.close": False,
        **_security(address, region),
    }


def _security(address: StreamAddress, region: str) -> Mapping[str, Any]:
    if address.security == "plaintext":
        return {"security.protocol": "plaintext"}
    return {
        "security.protocol": "sasl_ssl",
        "sasl.mechanisms": "OAUTHBEARER",
        "oauth_cb": TokenSource(region),
    }
