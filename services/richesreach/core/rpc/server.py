"""A service's gRPC server: its contracts, the health service, and an end that loses no call."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from richesreach.core.logs import logger
from richesreach.core.rpc.contract import Contract, Implementation, handler_of, service_of
from richesreach.core.rpc.interceptor import ServerInterceptor

# Seconds: what is under way over HTTP had its time before, and the task is killed soon.
GRACE = 5.0
MAX_MESSAGE = 4 * 1024 * 1024
_OPTIONS: Sequence[tuple[str, Any]] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.so_reuseport", 0),
    # A caller holds one connection for a long time: asked to make a new one now and then, it finds new tasks.
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    # A caller that has gone without a word is noticed, and one that pings that often is no attacker.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


# What is served: a contract, and the function that each of its methods is.
Contracts: TypeAlias = Sequence[tuple[Contract, Mapping[str, Implementation]]]


class RpcServer:
    """Serves `contracts`, each with the functions that its methods are, at `host:port`."""

    def __init__(
        self,
        address: str,
        contracts: Contracts,
        interceptor: ServerInterceptor,
    ) -> None:
        self._address = address
        self._contracts = contracts
        self._interceptor = interceptor
        self._health = health.HealthServicer()
        self._server: grpc.aio.Server | None = None

    async def open(self) -> None:
        """Raises RuntimeError where the address is taken."""
        server = self._server = grpc.aio.server(interceptors=[self._interceptor], options=_OPTIONS)
        server.add_generic_rpc_handlers(tuple(handler_of(*each) for each in self._contracts))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        server.add_insecure_port(self._address)
        await server.start()
        for name in self._names():
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        logger().info("rpc_started", address=self._address)

    async def drain(self) -> None:
        """Say that no call should come any more; those that do are still served."""
        await self._health.enter_graceful_shutdown()

    async def close(self) -> None:
        """Take no new call, and finish those under way, for `GRACE` seconds at most."""
        if self._server is not None:
            await self.drain()
            await self._server.stop(GRACE)

    def _names(self) -> list[str]:
        return ["", *(service_of(contract).full_name for contract, _ in self._contracts)]
