"""One Application Load Balancer: a process of its own, as its region's ELBv2 API describes it.

Binds its loopback address at every port that has a listener, and does with a request what the deployed rules
say. Unlike ELB it does not fall back to unhealthy targets when no healthy one is left: on a laptop a clear
503 that names the reason is worth more.
"""

import argparse
import asyncio
import contextlib
import secrets
import time
from functools import partial

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from ops.local import paths
from ops.local.edge import balancer_config
from ops.local.edge.balancer_config import Balancer, Listener
from ops.local.edge.forward import (
    Upstream,
    UpstreamError,
    end_to_end,
    is_websocket,
    new_session,
    open_upstream,
    relay,
)
from ops.local.edge.log import log
from ops.local.edge.process import listen, until_terminated
from ops.local.edge.rules import Action, Incoming, NoRuleError, choose, redirect_url, target_group
from ops.local.edge.targets import NoTargetError, Targets
from ops.local.edge.watch import Watch
from ops.local.edge.websocket import relay_websocket

RETRY = 0.5
"""Seconds until a port that was taken is tried again, and drained targets are forgotten."""

CONNECT_TIMEOUT = 10.0
"""Seconds ELB waits for a connection to a target."""


def _refusal(status: int, reason: str) -> web.Response:
    body = {"type": "about:blank", "title": "Load balancer", "status": status, "detail": reason}
    return web.json_response(
        body, status=status, content_type="application/problem+json", headers={"Server": "awselb/2.0"}
    )


def incoming(request: web.BaseRequest) -> Incoming:
    """The parts of a request that rules look at."""
    path, _, query = request.raw_path.partition("?")
    return Incoming(
        method=request.method,
        host=request.headers.get("Host", ""),
        path=path,
        query=query,
        source=request.remote or "127.0.0.1",
        headers=CIMultiDict(request.headers),
    )


def target_headers(request: web.BaseRequest, protocol: str, port: int) -> CIMultiDict[str]:
    """Headers for the target: the client's, and what ELB tells about the client's connection."""
    headers = end_to_end(request.headers)
    chain = [value for value in (headers.get("X-Forwarded-For"), request.remote) if value]
    headers["X-Forwarded-For"] = ", ".join(chain)
    headers["X-Forwarded-Proto"] = protocol.lower()
    headers["X-Forwarded-Port"] = str(port)
    trace = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    given = headers.get("X-Amzn-Trace-Id")
    headers["X-Amzn-Trace-Id"] = f"Self={trace};{given}" if given else f"Root={trace}"
    return headers


class LoadBalancer:
    """Serves the listeners of one load balancer."""

    def __init__(self, address: str, targets: Targets, session: aiohttp.ClientSession) -> None:
        self._address = address
        self._targets = targets
        self._session = session
        self._servers: dict[int, web.ServerRunner] = {}
        self._refused: dict[int, str] = {}
        self._changed = asyncio.Event()
        self.config = Balancer({}, {}, 60.0)

    def configure(self, config: Balancer) -> None:
        """Take a new configuration; `follow` acts on it."""
        self.config = config
        self._changed.set()

    async def follow(self) -> None:
        """Let ports and targets be as configured. Ports first: a healthy target can be reached."""
        while True:
            self._changed.clear()
            await self._bind()
            self._targets.apply(self.config.groups)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), RETRY)

    async def _bind(self) -> None:
        """Listen on every listener's port, and on no other."""
        for port in set(self._servers) - set(self.config.listeners):
            await self._servers.pop(port).cleanup()
            log("listener_closed", address=self._address, port=port)
        for port in set(self.config.listeners) - set(self._servers):
            try:
                self._servers[port] = await listen(partial(self._handle, port), self._address, port)
            except OSError as error:
                if self._refused.get(port) != str(error):
                    log("listener_refused", address=self._address, port=port, reason=str(error))
                self._refused[port] = str(error)
            else:
                self._refused.pop(port, None)
                log("listener_open", address=self._address, port=port)

    async def close(self) -> None:
        """End all listeners at once; requests under way get the runners' drain time."""
        await asyncio.gather(*(server.cleanup() for server in self._servers.values()))

    async def _handle(self, port: int, request: web.BaseRequest) -> web.StreamResponse:
        started = time.monotonic()
        listener = self.config.listeners.get(port)
        try:
            response = (
                await self._act(listener, request) if listener else _refusal(503, "the listener is gone")
            )
        except NoRuleError as error:
            response = _refusal(503, str(error))
        except NoTargetError as error:
            response = _refusal(503, str(error))
        except UpstreamError as error:
            response = _refusal(error.status, error.reason)
        elapsed = round((time.monotonic() - started) * 1000, 1)
        log("request", method=request.method, path=request.raw_path, status=response.status, ms=elapsed)
        return response

    async def _act(self, listener: Listener, request: web.BaseRequest) -> web.StreamResponse:
        parts = incoming(request)
        action = choose(listener.rules, parts).actions[-1]
        match action.get("Type"):
            case "forward":
                return await self._forward(listener, request, action)
            case "redirect":
                config = action["RedirectConfig"]
                status = 301 if config.get("StatusCode") == "HTTP_301" else 302
                place = redirect_url(config, parts, listener.protocol.lower(), listener.port)
                return web.Response(status=status, headers={"Location": place, "Server": "awselb/2.0"})
            case "fixed-response":
                config = action["FixedResponseConfig"]
                headers = {"Content-Type": config.get("ContentType") or "text/plain", "Server": "awselb/2.0"}
                body = (config.get("MessageBody") or "").encode()
                return web.Response(status=int(config["StatusCode"]), body=body, headers=headers)
            case other:
                return _refusal(500, f"the local load balancer has no action {other!r}")

    async def _forward(
        self, listener: Listener, request: web.BaseRequest, action: Action
    ) -> web.StreamResponse:
        arn = target_group(action)
        monitor = self._targets.pick(arn)
        upstream = Upstream(
            address=monitor.target.id,
            port=monitor.target.port,
            path=request.raw_path,
            headers=target_headers(request, listener.protocol, listener.port),
            method=request.method,
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=self.config.idle_timeout,
            scheme=monitor.group.scheme,
        )
        with monitor.serving():
            if is_websocket(request.headers):
                return await relay_websocket(self._session, request, upstream, {})
            answer = await open_upstream(self._session, request, upstream)
            return await relay(request, answer, {})


async def run(region: str, arn: str, name: str, address: str) -> None:
    """Serve until SIGTERM."""
    async with new_session() as session, new_session() as probing:
        targets = Targets(probing, paths.targets_file(region, name))
        balancer = LoadBalancer(address, targets, session)
        watch = Watch(f"load balancer {name}", lambda: balancer_config.read(region, arn))
        watch.on_change(balancer.configure)
        watch.start()
        log("load_balancer_started", region=region, name=name, address=address)
        follow = asyncio.create_task(balancer.follow())
        await until_terminated()
        watch.stop()
        follow.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await follow
        targets.stop()
        await balancer.close()
    log("load_balancer_stopped", region=region, name=name)


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m ops.local.edge.load_balancer", description=__doc__)
    for option in ("--region", "--arn", "--address", "--name"):
        parser.add_argument(option, required=True)
    parser.add_argument("--port", type=int, help="the main listener's port; listeners decide what is bound")
    options = parser.parse_args()
    asyncio.run(run(options.region, options.arn, options.name, options.address))


if __name__ == "__main__":
    main()
