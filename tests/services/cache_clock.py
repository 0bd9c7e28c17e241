"""What the cache's tests share: time moved by hand, and the address of a server."""

from cache_servers import CacheServer
from richesreach.core.settings import Endpoint


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_767_225_600.0

    def __call__(self) -> float:
        return self.now


def endpoint(server: CacheServer) -> Endpoint:
    return Endpoint(server.host, server.port)
