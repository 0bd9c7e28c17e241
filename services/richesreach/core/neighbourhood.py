"""The neighbours that a service may call, by the names in its manifest: made once, with its own token."""

from collections.abc import Callable
from typing import TypeVar

from richesreach.core.auth.service_token import Credential, ServiceToken, no_credential, token_url
from richesreach.core.endpoints import NeighbourAddress
from richesreach.core.metrics import Metrics
from richesreach.core.neighbours import Neighbour
from richesreach.core.rpc.contract import Contract
from richesreach.core.rpc.neighbour import RpcNeighbour
from richesreach.core.settings import Settings
from richesreach.core.tracing import Tracing

Kind = TypeVar("Kind", Neighbour, RpcNeighbour)


class UnknownNeighbourError(LookupError):
    """The manifest does not say that this service calls that one, or it has no gRPC."""


class Neighbourhood:
    def __init__(self, settings: Settings, *, metrics: Metrics, tracing: Tracing) -> None:
        self._addresses = settings.neighbours
        self._metrics = metrics
        self._tracing = tracing
        client = settings.service_client
        self._token = (
            ServiceToken(client, token_url(client.token_url, settings.aws_endpoint)) if client else None
        )
        self._http: dict[str, Neighbour] = {}
        self._rpc: dict[str, RpcNeighbour] = {}

    def http(self, name: str) -> Neighbour:
        """Raises UnknownNeighbourError."""
        address = self._address(name)
        return _kept(
            self._http,
            name,
            lambda: Neighbour(
                name,
                address.url,
                metrics=self._metrics,
                tracing=self._tracing,
                credential=self._credential,
            ),
        )

    def rpc(self, name: str, contract: Contract) -> RpcNeighbour:
        """Raises UnknownNeighbourError."""
        rpc = self._address(name).rpc
        if rpc is None:
            raise UnknownNeighbourError(f"{name} serves no gRPC: give its manifest a port, `grpc: 9000`")
        # `market-data-market`: a circuit of its own, for it may fail where the others do not.
        label = f"{name}-{contract.DESCRIPTOR.package.split('.')[-2]}"
        return _kept(
            self._rpc,
            label,
            lambda: RpcNeighbour(
                label,
                rpc,
                contract,
                metrics=self._metrics,
                tracing=self._tracing,
                credential=self._credential,
            ),
        )

    async def close(self) -> None:
        for http in self._http.values():
            await http.close()
        for rpc in self._rpc.values():
            await rpc.close()
        if self._token is not None:
            await self._token.close()

    @property
    def _credential(self) -> Credential:
        return self._token if self._token is not None else no_credential

    def _address(self, name: str) -> NeighbourAddress:
        if name not in self._addresses:
            raise UnknownNeighbourError(f"{name} is not called here: add it to `calls` of the manifest")
        return self._addresses[name]


def _kept(made: dict[str, Kind], name: str, make: Callable[[], Kind]) -> Kind:
    if name not in made:
        made[name] = make()
    return made[name]
