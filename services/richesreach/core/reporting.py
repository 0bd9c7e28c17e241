"""What a process does about its metrics besides answering who scrapes it."""

import asyncio

from richesreach.core.embedded_metrics import EmbeddedMetrics
from richesreach.core.exposition import forget_this_process, shared_by_processes
from richesreach.core.metrics import Metrics

# Seconds after which what is kept elsewhere is known to the processes that may be asked instead of this one.
INTERVAL = 1.0


class Reporting:
    """Tells the other processes of the task, and CloudWatch where it is named the environment."""

    def __init__(self, metrics: Metrics, *, cloudwatch: str | None) -> None:
        self._metrics = metrics
        self._embedded = None if cloudwatch is None else EmbeddedMetrics(metrics, cloudwatch)
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        if shared_by_processes():
            self._task = asyncio.create_task(self._refresh_often(), name="metrics")
        if self._embedded is not None:
            self._embedded.open()

    async def close(self) -> None:
        if self._embedded is not None:
            await self._embedded.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._metrics.refresh()
            forget_this_process()

    async def _refresh_often(self) -> None:
        while True:
            self._metrics.refresh()
            await asyncio.sleep(INTERVAL)
