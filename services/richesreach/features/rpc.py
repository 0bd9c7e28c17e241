"""Features over gRPC (`services/proto/richesreach/features/v1`). Callers are services, by their tokens."""

from collections.abc import Callable, Mapping

from richesreach.core.contracts.features.v1 import features_pb2 as wire
from richesreach.core.rpc.contract import Implementation
from richesreach.features.online import NO_TIME
from richesreach.features.service import Features


class FeaturesContract:
    """`features` gives the one of the process. Raises Problem for what cannot be asked, as the routes do."""

    def __init__(self, features: Callable[[], Features]) -> None:
        self._of_process = features

    @property
    def methods(self) -> Mapping[str, Implementation]:
        return {"Vectors": self.vectors, "Matrix": self.matrix}

    async def vectors(self, request: wire.VectorsRequest) -> wire.VectorsResponse:
        found = await self._of_process().distinct(request.names, request.symbols)
        read = found.read
        rows = zip(found.entities, read.values.tolist(), read.times, strict=True)
        return wire.VectorsResponse(
            vectors=[
                wire.Vector(symbol=entity, values=values, event_time=at)
                for entity, values, at in rows
                if at != NO_TIME
            ],
            unknown_symbols=found.unknown,
        )

    async def matrix(self, request: wire.MatrixRequest) -> wire.MatrixResponse:
        wanted, read = await self._of_process().rows(request.names, request.entities)
        return wire.MatrixResponse(
            values=read.values.astype("<f8", copy=False).tobytes(),
            names=wanted.names,
            event_times=read.times,
        )
