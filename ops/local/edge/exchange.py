"""One request on its way through the edge, and the headers that tell so."""

import time
from dataclasses import dataclass, field

from aiohttp import web

from ops.local.edge import answers
from ops.local.edge.distribution import Behaviour, Distribution
from ops.local.edge.origin import Target
from ops.local.edge.places import Place
from ops.local.edge.viewer import ViewerRequest


@dataclass
class Exchange:
    """`body` is the viewer's once something has read it; `region` is where the origin that answered is."""

    request: web.BaseRequest
    id: str
    place: Place
    distribution: Distribution
    behaviour: Behaviour
    viewer: ViewerRequest
    target: Target | None
    body: bytes | None = None
    region: str = ""
    started: float = field(default_factory=time.monotonic)
    upstream_ms: int | None = None

    @property
    def client(self) -> str:
        """The viewer's address."""
        return self.request.remote or "127.0.0.1"

    @property
    def context(self) -> dict[str, str]:
        """The context of a CloudFront Function's event."""
        return {
            "distributionDomainName": self.distribution.domain,
            "distributionId": self.distribution.id,
            "requestId": self.id,
        }

    def headers(self, cache: str) -> dict[str, str]:
        """The edge's own headers for the answer."""
        local = {answers.LOCAL_ORIGIN: self.region} if self.region else {}
        return answers.edge_headers(self.id, self.place, cache) | local

    async def read_body(self) -> bytes:
        """The viewer's body, read once."""
        if self.body is None:
            self.body = await self.request.content.read()
        return self.body
