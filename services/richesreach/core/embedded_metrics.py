"""CloudWatch's embedded metric format: a log line a minute that CloudWatch Logs turns into metrics.

For where nothing scrapes. The line has the form of CloudWatch's embedded metric format
specification: `_aws` names the metrics, and their values and dimensions stand beside it.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from richesreach.core.logs import logger
from richesreach.core.metrics import Metrics

NAMESPACE = "RichesReach/Services"
# Seconds; the shortest period of a metric that CloudWatch does not bill as a fine one.
INTERVAL = 60.0

_UNITS = {
    "Requests": "Count",
    "ClientErrors": "Count",
    "ServerErrors": "Count",
    "RequestDuration": "Milliseconds",
    "ActiveConnections": "Count",
    "CacheHitRatio": "None",
}


class EmbeddedMetrics:
    """Writes what happened since the line before. Dimensions are `service` and `region`, which each log line
    has, and `environment`: an account may hold several.
    """

    def __init__(self, metrics: Metrics, environment: str, now: Callable[[], float] = time.time) -> None:
        self._metrics = metrics
        self._environment = environment
        self._now = now
        self._before: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._write_often(), name="embedded-metrics")

    async def close(self) -> None:
        """With what is not yet written."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self.write()

    def write(self) -> None:
        values = self._values()
        described: dict[str, Any] = {
            "Timestamp": round(self._now() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [["service", "region", "environment"]],
                    "Metrics": [{"Name": name, "Unit": _UNITS[name]} for name in values],
                }
            ],
        }
        logger().info("metrics", _aws=described, environment=self._environment, **values)

    def _values(self) -> dict[str, float]:
        found = self._metrics.totals()
        since = {name: total - self._before.get(name, 0.0) for name, total in found.items()}
        self._before = found
        values = {name: since[name] for name in ("Requests", "ClientErrors", "ServerErrors")}
        if since["Requests"]:
            values["RequestDuration"] = round(since["Seconds"] / since["Requests"] * 1000, 3)
        return {**values, "ActiveConnections": found["Active"], "CacheHitRatio": found["HitRatio"]}

    async def _write_often(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            self.write()
