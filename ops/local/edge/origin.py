"""Origins and groups of them, and how a function changes the one that a request goes to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

FAILOVER_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
"""The only methods that CloudFront sends to the second origin of a group."""


@dataclass(frozen=True)
class Origin:
    """An origin; times in seconds. `custom` is false for a bucket, `access` says that it may read the bucket.

    `lists` is true where the bucket's policy lets it list: then a missing key is a 404, otherwise a 403.
    """

    id: str
    domain: str
    path: str = ""
    custom: bool = True
    protocol: str = "http-only"
    http_port: int = 80
    https_port: int = 443
    attempts: int = 3
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    completion_timeout: float | None = None
    keepalive_timeout: float = 5.0
    headers: tuple[tuple[str, str], ...] = ()
    host: str = ""
    access: bool = False
    lists: bool = False

    def updated(self, changes: Mapping[str, Any]) -> "Origin":
        """This origin after `cf.updateRequestOrigin(changes)`; what is not named stays."""
        timeouts = changes.get("timeouts", {})
        config = changes.get("customOriginConfig", {})
        control = changes.get("originAccessControlConfig", {})
        port = config.get("port")
        named = {
            "domain": changes.get("domainName"),
            "path": changes.get("originPath"),
            "host": changes.get("hostHeader"),
            "attempts": changes.get("connectionAttempts"),
            "connect_timeout": timeouts.get("connectionTimeout"),
            "read_timeout": timeouts.get("readTimeout"),
            "completion_timeout": timeouts.get("responseCompletionTimeout"),
            "keepalive_timeout": timeouts.get("keepAliveTimeout"),
            "http_port": port,
            "https_port": port,
            "protocol": f"{config['protocol']}-only" if "protocol" in config else None,
            "headers": tuple(changes["customHeaders"].items()) if "customHeaders" in changes else None,
            "access": control.get("enabled"),
            "custom": _kind(bool(config), control),
        }
        return replace(self, **{key: value for key, value in named.items() if value is not None})


def _kind(custom_config: bool, control: Mapping[str, Any]) -> bool | None:
    """True for a custom origin, False for a bucket, None where the change does not say."""
    if custom_config:
        return True
    return False if control.get("enabled") and control.get("originType") == "s3" else None


@dataclass(frozen=True)
class Target:
    """Where a request goes: one origin, or a primary and a second with the codes that lead to it."""

    origins: tuple[Origin, ...]
    codes: frozenset[int] = frozenset()

    def updated(self, changes: Mapping[str, Any]) -> "Target":
        """A function's change reaches the primary only, as documented."""
        return replace(self, origins=(self.origins[0].updated(changes), *self.origins[1:]))

    def fails_over(self, method: str, code: int, position: int) -> bool:
        """True when `code` of the origin at `position` sends this request to the next one."""
        return method in FAILOVER_METHODS and position + 1 < len(self.origins) and code in self.codes
