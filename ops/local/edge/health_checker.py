"""Route 53's health checkers: probe what the deployed HealthChecks name, at their interval and threshold.

One checker stands for Route 53's many, so a region that dies is noticed after `threshold` intervals, as each
of theirs would. A check starts healthy, as in Route 53. A response counts when its status is 2xx or 3xx.
"""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp

from ops.local.edge.log import log
from ops.local.edge.probe import Matcher, Probe, Thresholds
from ops.local.edge.route53_config import HealthCheckConfig
from ops.local.edge.zones import UnresolvedError

TIMEOUT = 4.0
"""Seconds in which Route 53 must have its connection."""

WELL = Matcher("200-399")
PROBED = frozenset(("HTTP", "HTTPS", "TCP", "HTTP_STR_MATCH", "HTTPS_STR_MATCH"))


class HealthChecker:
    """Follows the deployed health checks. `locate` gives the address behind a name; `changed` is told."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        locate: Callable[[str], str],
        changed: Callable[[], None],
    ) -> None:
        self._session = session
        self._locate = locate
        self._changed = changed
        self._states: dict[str, Thresholds] = {}
        self._configs: dict[str, HealthCheckConfig] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def apply(self, checks: Mapping[str, HealthCheckConfig]) -> None:
        """Begin new checks, restart changed ones, end those that are gone."""
        for check_id in set(self._configs) - set(checks):
            self._end(check_id)
        for check_id, config in checks.items():
            if self._configs.get(check_id) != config:
                self._end(check_id)
                self._configs[check_id] = config
                self._states[check_id] = Thresholds(config.threshold, config.threshold, well=True)
                if config.kind in PROBED and not config.disabled:
                    self._tasks[check_id] = asyncio.create_task(self._watch(config))
        self._changed()

    @property
    def down(self) -> frozenset[str]:
        """Ids of the checks that are unhealthy; an inverted check says the opposite of its probes."""
        inverted = {check_id for check_id, config in self._configs.items() if config.inverted}
        return frozenset(i for i, state in self._states.items() if state.well == (i in inverted))

    def stop(self) -> None:
        """Probe no more."""
        for task in self._tasks.values():
            task.cancel()

    def _end(self, check_id: str) -> None:
        self._configs.pop(check_id, None)
        self._states.pop(check_id, None)
        task = self._tasks.pop(check_id, None)
        if task is not None:
            task.cancel()

    async def _watch(self, config: HealthCheckConfig) -> None:
        state = self._states[config.id]
        while True:
            reason = await self._probe(config)
            before = state.well
            if state.note(not reason) != before:
                status = "healthy" if state.well else "unhealthy"
                log("health_check", id=config.id, host=config.host, state=status, reason=reason)
                self._changed()
            await asyncio.sleep(config.interval)

    async def _probe(self, config: HealthCheckConfig) -> str:
        try:
            address = config.address or self._locate(config.host)
        except UnresolvedError as error:
            return str(error)
        scheme = config.kind.removesuffix("_STR_MATCH").lower()
        text = config.text if config.kind.endswith("_STR_MATCH") else ""
        agent = "Amazon-Route53-Health-Check-Service"
        probe = Probe(address, config.port, config.path, TIMEOUT, WELL, scheme, agent, text)
        return await probe.run(self._session)
